import { chmod, chown, cp, lchown, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { currentMountsBelow } from "./mounted.ts";
import type { Account } from "./users.ts";

/** What a new home begins with. */
const SKELETON = "/etc/skel";

/** Folder of a session's home with its mounts. It is root's: a session makes nothing in it. */
export const MOUNTS = "mnt";

/**
 * Makes a session's home (row N2): its user's own, mode 0750, with the files every user of this machine begins with.
 * A home that is there is left as it is, and its owner checked.
 */
export async function makeHome({ home, uid, gid, name }: Account): Promise<void> {
  const found = await lstat(home).catch(() => undefined);
  if (found === undefined) {
    await mkdir(home, { mode: 0o700 });
    await cp(SKELETON, home, { recursive: true, force: false, errorOnExist: false }).catch(ignoreMissing);
    await giveTo(home, uid, gid);
  } else if (!found.isDirectory() || found.uid !== uid) {
    throw new Error(`${home} is not the home of the session ${name}: it belongs to user id ${found.uid}`);
  }
  const mounts = join(home, MOUNTS);
  await mkdir(mounts, { mode: 0o755 }).catch(ignorePresent);
  if (!(await lstat(mounts)).isDirectory()) throw new Error(`${mounts} is not a folder: move it away`);
  await chown(mounts, 0, gid);
  await chmod(mounts, 0o755);
  await chmod(home, 0o750);
}

async function giveTo(folder: string, uid: number, gid: number): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await chown(folder, uid, gid);
}

/**
 * Makes the folder that one mount goes to. A session that was kept may have left anything under this name: a link would
 * lead the mount to another place of the machine.
 */
export async function makeMountPoint(home: string, name: string): Promise<string> {
  const point = join(home, MOUNTS, name);
  await mkdir(point, { mode: 0o755 }).catch(ignorePresent);
  if (!(await lstat(point)).isDirectory()) throw new Error(`${point} is in the way of a mount: it is not a folder`);
  return point;
}

/**
 * Removes a home for good.
 *
 * @throws when something is still mounted in it: files behind a mount are not the session's to lose
 */
export async function removeHome(home: string): Promise<void> {
  const mounted = await currentMountsBelow(home);
  if (mounted.length > 0) throw new Error(`${home} is not removed: ${mounted.join(", ")} is still mounted`);
  await rm(home, { recursive: true, force: true });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function ignorePresent(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
