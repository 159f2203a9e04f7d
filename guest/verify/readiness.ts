import { readFile } from "node:fs/promises";
import { ERRORS, type ErrorCode } from "../../contract/errors.ts";
import { failures, Report } from "../../contract/report.ts";
import { RUN_FILES } from "../../contract/run-files.ts";

/** The files that record the state of a boot. */
export type BootFiles = Readonly<Record<"wall" | "failure" | "report" | "logs", string>>;

/** The state of this boot so far, by its files. All other code uses this reading of them. */
export interface BootState {
  /** True when the packet filter is loaded. */
  readonly wall: boolean;
  /** The reason of a failed boot: either a boot script failed, or the verification was interrupted. */
  readonly failure?: string;
  /** The result of the verification; absent while it is not over. */
  readonly verification?: { readonly ok: true } | { readonly ok: false; readonly why: string };
  /** The state of the shipping of logs, with the reason if they are not shipped; absent while it is not known. */
  readonly logs?: { readonly ok: true } | { readonly ok: false; readonly why: string };
}

/** Reads the state of this boot so far. A report of another version counts as a failed verification. */
export async function readBootState(files: BootFiles = RUN_FILES): Promise<BootState> {
  const [wall, failure, report, logs] = await Promise.all(
    [files.wall, files.failure, files.report, files.logs].map(textOf),
  );
  return {
    wall: wall !== undefined,
    ...(failure === undefined ? {} : { failure: failure.trim() }),
    ...(report === undefined ? {} : { verification: outcomeOf(report) }),
    ...(logs === undefined ? {} : { logs: logs === "" ? { ok: true } : { ok: false, why: logs.trim() } }),
  };
}

/** Parses a report's text; undefined when it is no report of this version. */
export function parseReport(text: string): Report | undefined {
  try {
    return Report.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function outcomeOf(text: string): NonNullable<BootState["verification"]> {
  const report = parseReport(text);
  if (report === undefined) return { ok: false, why: "its report cannot be read" };
  return report.ok ? { ok: true } : { ok: false, why: failures(report).join("; ") };
}

/**
 * Returns the verdict on a boot, for a program that waits for it: whether the machine may go into service, and if not,
 * why. Undefined while it is not known.
 *
 * @param logsRequired as machine.json has it
 */
export function verdictOf(
  { failure, verification, logs }: BootState,
  logsRequired: boolean,
): { readonly ok: boolean; readonly why: string } | undefined {
  if (failure !== undefined) return { ok: false, why: failure };
  if (verification === undefined) return undefined;
  if (!verification.ok) return verification;
  if (!logsRequired) return { ok: true, why: "" };
  if (logs === undefined) return undefined;
  return logs.ok ? { ok: true, why: "" } : { ok: false, why: `logs: ${logs.why}` };
}

/** The beginning of a failure with its own code, such as the verification's (guest/boot/verify-ended). */
const CODED = /^(CLOISTER_E_[A-Z_]+): /;

/** Returns the code of a failure of the boot. */
export function failureCode(failure: string): ErrorCode {
  const code = CODED.exec(failure)?.[1];
  return code !== undefined && code in ERRORS ? (code as ErrorCode) : "CLOISTER_E_BOOT_FAILED";
}

/** The command that verifies a machine again. */
const AGAIN = "sudo systemctl restart cloister-verify on the machine";

/**
 * Returns why no session may run on this machine, and what to do. Undefined when one may: the packet filter is loaded,
 * nothing of the boot has failed, the verification found every promise kept, and logs are shipped if they must be.
 *
 * @param options.verifying true for the verification, which looks at sessions before that, but never without the packet
 * filter
 * @param options.logsRequired as machine.json has it
 */
export async function whyNotReady(
  options: { readonly verifying?: boolean; readonly logsRequired?: boolean },
  files: BootFiles = RUN_FILES,
): Promise<{ readonly code: ErrorCode; readonly message: string } | undefined> {
  const { wall, failure, verification, logs } = await readBootState(files);
  const boot = failure === undefined ? undefined : failedBoot(failure);
  if (!wall) {
    const why = boot?.why ?? "wait for the end of its boot";
    return not(boot?.code ?? "CLOISTER_E_BOOTING", `its packet filter is not loaded: ${why}`);
  }
  if (options.verifying) return undefined;
  if (boot !== undefined) return not(boot.code, boot.why);
  if (verification === undefined) {
    return not("CLOISTER_E_BOOTING", `its verification is not over, or was interrupted: wait a moment, or ${AGAIN}`);
  }
  if (!verification.ok) {
    return not("CLOISTER_E_NOT_VERIFIED", `its verification failed. Mend what cloister verify lists, then ${AGAIN}`);
  }
  if (!options.logsRequired || logs?.ok) return undefined;
  const why = logs?.why ?? "not yet; wait a moment, or see journalctl -u cloister-logs";
  return not("CLOISTER_E_LOGS", `its logs are not shipped, which cloister:logsRequired wants: ${why}`);
}

const not = (code: ErrorCode, why: string) => ({ code, message: `this machine is not ready: ${why}` });

function failedBoot(failure: string): { readonly code: ErrorCode; readonly why: string } {
  const code = failureCode(failure);
  const again = code === "CLOISTER_E_VERIFICATION_UNFINISHED" ? AGAIN : "start the machine again";
  return { code, why: `${failure.replace(CODED, "")}. Mend that, then ${again}` };
}

/** Returns a file's text; undefined when there is no such file. */
export async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
