import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bound } from "../sandbox/bwrap.ts";
import { RUNTIME_ROOT } from "../sandbox/paths.ts";
import type { Mount } from "../sessions/mounts.ts";
import { randomName } from "../sessions/names.ts";
import { removeTree } from "../sessions/remove-tree.ts";
import { SessionFailed } from "../sessions/request.ts";
import { HOMES, RUNNING, type SessionPaths, sessionPaths } from "../sessions/state.ts";
import { groupInside, passwdInside } from "../sessions/users.ts";

/** Copies of bubblewrap, bash and socat in the image that only root may read: see guest/seal/internal/scratch. */
export const PROGRAMS = `${RUNTIME_ROOT}/programs`;

/** A session of a container. It has the container's own user: no process in a container could make another. */
export interface ContainedSession {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly paths: SessionPaths;
  readonly tmp: string;
  readonly shm: string;
  readonly bound: Bound;
  /** The time when the session began, in nanoseconds since 1970. */
  readonly since: bigint;
}

/**
 * Makes the folders of a session, on the container's file systems in memory.
 *
 * @throws {SessionFailed} when the name is in use
 */
export async function openContained(name: string | undefined, mounts: readonly Mount[]): Promise<ContainedSession> {
  const [uid, gid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
  const chosen = name ?? randomName();
  const paths = sessionPaths(chosen);
  await mkdir(RUNNING, { recursive: true, mode: 0o711 });
  // The process that makes this folder owns the name.
  await mkdir(paths.running, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EEXIST" ? "is in use; wait until it has ended, or choose another name" : error.message;
    throw new SessionFailed(`--name ${chosen}: ${why}`, { cause: error });
  });
  const since = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)) * 1_000n;
  const [tmp, shm, places] = [join("/tmp", chosen), join(paths.running, "shm"), join(paths.running, "mnt")];
  const account = { name: chosen, uid, gid, home: paths.home };
  try {
    await Promise.all([
      makeHome(paths.home),
      ...[tmp, shm].map((folder) => mkdir(folder, { mode: 0o700 })),
      ...[paths.sockets, paths.empty].map((folder) => mkdir(folder, { mode: 0o755 })),
      writeFile(paths.passwd, passwdInside(account), { mode: 0o644 }),
      writeFile(paths.group, groupInside(account), { mode: 0o644 }),
      mkdir(places, { mode: 0o755 }).then(() => Promise.all(mounts.map(({ name: one }) => mkdir(join(places, one))))),
    ]);
    // The mode is as on every machine, whatever the umask is.
    await Promise.all([tmp, shm].map((folder) => chmod(folder, 0o1777)));
  } catch (error) {
    await closeContained({ name: chosen, paths });
    throw new SessionFailed(`the session ${chosen} could not be made: ${(error as Error).message}`, { cause: error });
  }
  const folders = mounts.map(({ name: one, mode, source }) => ({ name: one, mode, source }));
  return { name: chosen, uid, gid, paths, tmp, shm, bound: { places, folders }, since };
}

async function makeHome(home: string): Promise<void> {
  await mkdir(home, { mode: 0o750 });
  await cp("/etc/skel", home, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await chmod(home, 0o750);
}

/** Removes a session's files. Returns a text for each part that could not be removed. */
export async function closeContained({ name }: Pick<ContainedSession, "name" | "paths">): Promise<string[]> {
  const problems: string[] = [];
  for (const [parent, one] of [
    [HOMES, name],
    ["/tmp", name],
    // Remove this folder last: it holds the name.
    [RUNNING, name],
  ] as const) {
    await removeTree(parent, one).catch((error: Error) => problems.push(`session ${name}: ${error.message}`));
  }
  return problems;
}
