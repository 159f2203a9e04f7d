import { readFile } from "node:fs/promises";
import { ERRORS, type ErrorCode } from "../../contract/errors.ts";

/** There once the packet filter of this boot is loaded (guest/boot/system.sh). All of these are gone after a boot. */
export const WALL_FILE = "/run/cloister/wall";

/** Why this boot did not make a machine that is ready, by the boot scripts. */
export const FAILURE_FILE = "/run/cloister/failure";

/** How a failure begins that has a code of its own, such as the verification's (guest/boot/verify-ended). */
const CODED = /^(CLOISTER_E_[A-Z_]+): /;

/** The code of a failure of the boot. */
export function failureCode(failure: string): ErrorCode {
  const code = CODED.exec(failure)?.[1];
  return code !== undefined && code in ERRORS ? (code as ErrorCode) : "CLOISTER_E_BOOT_FAILED";
}

/** Where the report of this boot's verification is. */
export const REPORT_FILE = "/run/cloister/verification.json";

/** Empty when logs are shipped, else why they are not. There once that is known (guest/aws/logs). */
export const LOGS_FILE = "/run/cloister/logs";

const FILES = { wall: WALL_FILE, failure: FAILURE_FILE, report: REPORT_FILE, logs: LOGS_FILE };

/** How a machine is verified again. */
const AGAIN = "sudo systemctl restart cloister-verify on the machine";

/**
 * Why no session may run on this machine, and what to do; undefined where one may: where the packet filter is loaded, nothing of the
 * boot has failed, the verification found every promise kept, and logs are shipped if they must be.
 *
 * @param options.verifying the verification looks at sessions before that; never without the packet filter
 * @param options.logsRequired as machine.json has it
 */
export async function whyNotReady(
  options: { readonly verifying?: boolean; readonly logsRequired?: boolean },
  files: Readonly<Record<keyof typeof FILES, string>> = FILES,
): Promise<{ readonly code: ErrorCode; readonly message: string } | undefined> {
  const [wall, failure, report, logs] = await Promise.all(
    [files.wall, files.failure, files.report, files.logs].map(textOf),
  );
  const boot = failure === undefined ? undefined : failedBoot(failure.trim());
  if (wall === undefined) {
    const why = boot?.why ?? "wait for the end of its boot";
    return not(boot?.code ?? "CLOISTER_E_BOOTING", `its packet filter is not loaded: ${why}`);
  }
  if (options.verifying) return undefined;
  if (boot !== undefined) return not(boot.code, boot.why);
  if (report === undefined) {
    return not("CLOISTER_E_BOOTING", `its verification is not over, or was interrupted: wait a moment, or ${AGAIN}`);
  }
  if (!passed(report)) {
    return not("CLOISTER_E_NOT_VERIFIED", `its verification failed. Mend what cloister verify lists, then ${AGAIN}`);
  }
  if (!options.logsRequired || logs === "") return undefined;
  const why = logs?.trim() ?? "not yet; wait a moment, or see journalctl -u cloister-logs";
  return not("CLOISTER_E_LOGS", `its logs are not shipped, which cloister:logsRequired wants: ${why}`);
}

const not = (code: ErrorCode, why: string) => ({ code, message: `this machine is not ready: ${why}` });

function failedBoot(failure: string): { readonly code: ErrorCode; readonly why: string } {
  const code = failureCode(failure);
  const again = code === "CLOISTER_E_VERIFICATION_UNFINISHED" ? AGAIN : "start the machine again";
  return { code, why: `${failure.replace(CODED, "")}. Mend that, then ${again}` };
}

function passed(report: string): boolean {
  try {
    return (JSON.parse(report) as { ok?: unknown }).ok === true;
  } catch {
    return false;
  }
}

/** A file's text; undefined where there is none. */
export async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
