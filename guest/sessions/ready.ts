import { readFile } from "node:fs/promises";

/** There once the packet filter of this boot is loaded (guest/boot/system.sh); gone after a boot. */
export const WALL_FILE = "/run/cloister/wall";

/** Why this boot did not make a machine that is ready: by the boot scripts, or by what may not fail in silence. */
export const FAILURE_FILE = "/run/cloister/failure";

/**
 * Why no session may run on this machine; undefined where one may.
 *
 * @param verifying the verification looks at sessions also where the boot has failed, but never without the packet filter
 */
export async function whyNotReady(
  verifying: boolean,
  files: { readonly wall: string; readonly failure: string } = { wall: WALL_FILE, failure: FAILURE_FILE },
): Promise<string | undefined> {
  const [wall, failure] = await Promise.all([textOf(files.wall), textOf(files.failure)]);
  const why = failure?.trim();
  if (wall === undefined) return `its packet filter is not loaded${why ? `: ${why}` : "; is its boot over?"}`;
  return verifying ? undefined : why;
}

/** What somebody is told who wants to run a command then. */
export const notReadyMessage = (why: string): string =>
  `this machine is not ready: ${why}. Mend that and start it again: sessions are refused until a boot has succeeded`;

/** A file's text; undefined where there is none. */
export async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
