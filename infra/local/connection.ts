import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import { isOursAlone } from "../../lib/home.cjs";
import type { Paths } from "./paths.ts";
import { makeOursAlone, SOCKET_PATH_BYTES } from "./sockets.ts";

/** Time for which a connection to a machine waits for the next command. Seconds. */
const KEPT_S = 300;

/** ssh makes a socket under another name first, which has 17 characters more. */
const MOST = SOCKET_PATH_BYTES - 17;

/**
 * Arguments of ssh(1) by which commands share one connection to a machine: the first one opens it, the next ones save
 * its handshakes, and some minutes after the last one it ends by itself. It ends with the machine, too.
 *
 * Whoever can use the socket is the operator on the machine. It is therefore made only in a folder that is this user's
 * alone; otherwise each command has a connection of its own.
 */
export function sharedConnection({ connection }: Pick<Paths, "connection">): string[] {
  if (Buffer.byteLength(connection) > MOST || /["%\s]/.test(connection) || !makeOursAlone(dirname(connection)))
    return [];
  const options = { ControlMaster: "auto", ControlPath: connection, ControlPersist: String(KEPT_S) };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Ends the connection to a machine, if one is kept. */
export async function endConnection({ connection }: Pick<Paths, "connection">): Promise<void> {
  // In a folder of somebody else's it is no socket of ours.
  if (!isOursAlone(dirname(connection)) || lstatSync(connection, { throwIfNoEntry: false }) === undefined) return;
  const options = ["-F", "none", "-o", `ControlPath=${connection}`, "-O", "exit", "127.0.0.1"];
  await execa("ssh", options, { reject: false, stdin: "ignore", timeout: 5_000 });
  rmSync(connection, { force: true });
}
