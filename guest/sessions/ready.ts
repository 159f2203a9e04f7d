import { readFile } from "node:fs/promises";

/** There once the packet filter of this boot is loaded (guest/boot/system.sh); gone after a boot. */
export const WALL_FILE = "/run/cloister/wall";

/** Why this boot did not make a machine that is ready: by the boot scripts, or by what may not fail in silence. */
export const FAILURE_FILE = "/run/cloister/failure";

/** Where the report of this boot's verification is. It is gone with the machine's memory: every boot makes its own. */
export const REPORT_FILE = "/run/cloister/verification.json";

const FILES = { wall: WALL_FILE, failure: FAILURE_FILE, report: REPORT_FILE };

/**
 * Why no session may run on this machine, and what to do; undefined where one may: where the packet filter is loaded, nothing of the
 * boot has failed, and the boot's verification found every promise kept.
 *
 * @param verifying the verification looks at sessions before that; never without the packet filter
 */
export async function whyNotReady(
  verifying: boolean,
  files: Readonly<Record<keyof typeof FILES, string>> = FILES,
): Promise<string | undefined> {
  const [wall, failure, report] = await Promise.all([files.wall, files.failure, files.report].map(textOf));
  const failed = failure === undefined ? undefined : `${failure.trim()}. Mend that and start the machine again`;
  if (wall === undefined) return not(`its packet filter is not loaded: ${failed ?? "wait for the end of its boot"}`);
  if (verifying) return undefined;
  if (failed !== undefined) return not(failed);
  if (report === undefined) return not("its verification is not over: wait a moment");
  if (!passed(report))
    return not("its verification failed: cloister verify lists what differs. Mend that and start it again");
  return undefined;
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
