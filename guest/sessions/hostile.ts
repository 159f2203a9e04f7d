import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** The maximum that is read of a file that a session may have written, in bytes. */
export const HOSTILE_LIMIT = 64 * 1024;

/**
 * Reads a small file that a session may have written, and treats it as hostile. It never follows the last component if
 * it is a link. It does not wait for a pipe or a device. It reads at most `limit` bytes, whatever the file's size. The
 * file's folder must be out of the session's reach, or be named by a descriptor (`/proc/self/fd/N`): everything before
 * the last component is walked.
 *
 * @returns undefined when it is not there, or is no ordinary file
 */
export async function readHostile(path: string, limit = HOSTILE_LIMIT): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = await open(path, flags).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const buffer = Buffer.alloc(limit);
    let size = 0;
    while (size < limit) {
      const { bytesRead } = await file.read(buffer, size, limit - size, size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return buffer.toString("utf8", 0, size);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
