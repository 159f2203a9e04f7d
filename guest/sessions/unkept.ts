import { mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { HOMES } from "./state.ts";

/**
 * The folder of marks, one empty file for each session whose home is removed at its end. /run is empty after a crash of
 * the whole machine, and homes are not: by these marks guest/seal/cmd/keeper knows which of them nobody wants any more.
 * It belongs to root, and no session has a name that begins with a dot.
 */
export const UNKEPT = join(HOMES, ".unkept");

/**
 * Marks a session as one that is not kept, before its home is made, or takes the mark away.
 *
 * @throws {Error} when the session disk cannot be written
 */
export async function markUnkept(name: string, keep: boolean, folder: string = UNKEPT): Promise<void> {
  if (keep) {
    await clearUnkept(name, folder);
    return;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await (await open(join(folder, name), "w", 0o600)).close();
}

/** Takes the mark of a session away. One that is not there is no error. */
export async function clearUnkept(name: string, folder: string = UNKEPT): Promise<void> {
  await unlink(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
