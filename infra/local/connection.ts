import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import type { Paths } from "./paths.ts";

/** Time for which a connection to a machine waits for the next command. Seconds. */
const KEPT_S = 300;

/**
 * ssh makes a socket under another name first, which has 17 characters more; and a socket's path has at most 103 bytes
 * on macOS, 107 on Linux (unix(7)).
 */
const MOST = 103 - 17;

/**
 * Arguments of ssh(1) by which commands share one connection to a machine: the first one opens it, the next ones save
 * its handshakes, and some minutes after the last one it ends by itself. It ends with the machine, too.
 *
 * Whoever can use the socket is the operator on the machine. It is therefore made only in a folder that is this user's
 * alone; otherwise each command has a connection of its own.
 */
export function sharedConnection({ connection }: Pick<Paths, "connection">): string[] {
  if (Buffer.byteLength(connection) > MOST || /["%\s]/.test(connection) || !isOursAlone(dirname(connection))) return [];
  const options = { ControlMaster: "auto", ControlPath: connection, ControlPersist: String(KEPT_S) };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Makes the folder where it is not there. A folder below /tmp may be somebody else's who was here before. */
function isOursAlone(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode, uid } = lstatSync(folder);
    return lstatSync(folder).isDirectory() && (mode & 0o077) === 0 && uid === process.getuid?.();
  } catch {
    return false;
  }
}

/** Ends the connection to a machine, if one is kept. */
export async function endConnection({ connection }: Pick<Paths, "connection">): Promise<void> {
  if (lstatSync(connection, { throwIfNoEntry: false }) === undefined) return;
  const options = ["-F", "none", "-o", `ControlPath=${connection}`, "-O", "exit", "127.0.0.1"];
  await execa("ssh", options, { reject: false, stdin: "ignore", timeout: 5_000 });
  rmSync(connection, { force: true });
}
