import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { isOursAlone, userId } from "../../lib/home.cjs";

/** A socket's path has at most so many bytes on macOS; on Linux 107 (unix(7)). */
export const SOCKET_PATH_BYTES = 103;

/** Bytes that the longest name in the folder has, with the slash before it. */
const NAME_BYTES = "/cloister-0123456789abcdef.qmp".length;

/**
 * The folder for the sockets of this user's machines, which is short enough for them: the session's
 * (`$XDG_RUNTIME_DIR`) where that is this user's alone, else one below the folder for temporary files. Under `sudo` the
 * variable may name another user's, and some systems have a folder there that everybody may write to.
 */
export function socketFolder(env: NodeJS.ProcessEnv = process.env, temporary: string = tmpdir()): string {
  const session = env["XDG_RUNTIME_DIR"] ?? "";
  if (fits(session) && isOursAlone(session)) return session;
  return join(shortTemporaryFolder(temporary), `cloister-${userId()}`);
}

/** The folder for temporary files, or /tmp where that is missing, relative or too long for a socket below it. */
export function shortTemporaryFolder(temporary: string = tmpdir()): string {
  return fits(join(temporary, `cloister-${userId()}`)) && existsSync(temporary) ? temporary : "/tmp";
}

const fits = (folder: string): boolean =>
  isAbsolute(folder) && Buffer.byteLength(folder) + NAME_BYTES <= SOCKET_PATH_BYTES;

/** Makes the folder where it is not there. A folder below /tmp may be somebody else's who was here before. */
export function makeOursAlone(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isOursAlone(folder);
  } catch {
    return false;
  }
}
