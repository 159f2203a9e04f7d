import { readFile } from "node:fs/promises";

/** There once the packet filter of this boot is loaded (guest/boot/system.sh). All of these are gone after a boot. */
export const WALL_FILE = "/run/cloister/wall";

/** Why this boot did not make a machine that is ready, by the boot scripts. */
export const FAILURE_FILE = "/run/cloister/failure";

/** How a failure begins that is the verification's own (guest/boot/verify-ended): the next verification takes it away. */
export const VERIFICATION_FAILED = "the verification did not finish";

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
): Promise<string | undefined> {
  const [wall, failure, report, logs] = await Promise.all(
    [files.wall, files.failure, files.report, files.logs].map(textOf),
  );
  const again = failure?.startsWith(VERIFICATION_FAILED) ? AGAIN : "start the machine again";
  const failed = failure === undefined ? undefined : `${failure.trim()}. Mend that, then ${again}`;
  if (wall === undefined) return not(`its packet filter is not loaded: ${failed ?? "wait for the end of its boot"}`);
  if (options.verifying) return undefined;
  if (failed !== undefined) return not(failed);
  if (report === undefined) return not(`its verification is not over, or was interrupted: wait a moment, or ${AGAIN}`);
  if (!passed(report)) return not(`its verification failed. Mend what cloister verify lists, then ${AGAIN}`);
  if (!options.logsRequired || logs === "") return undefined;
  const why = logs?.trim() ?? "not yet; wait a moment, or see journalctl -u cloister-logs";
  return not(`its logs are not shipped, which cloister:logsRequired wants: ${why}`);
}

const not = (why: string): string => `this machine is not ready: ${why}`;

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
