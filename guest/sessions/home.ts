import { chmod, chown, cp, lchown, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./users.ts";

/** The folder with the first files of a new home. */
const SKELETON = "/etc/skel";

/**
 * Makes a session's home (row N2): its user's own, mode 0750, with the files every user of this machine begins with. A
 * home that is there stays as it is, and only its owner is checked. A session had it, so nothing in it is looked at.
 */
export async function makeHome({ home, uid, gid, name }: Account): Promise<void> {
  const found = await lstat(home).catch(() => undefined);
  if (found === undefined) {
    // The home belongs to root until it is complete, so that nobody can change it while it is written.
    await mkdir(home, { mode: 0o700 });
    try {
      await cp(SKELETON, home, { recursive: true, force: false, errorOnExist: false }).catch(ignoreMissing);
      await giveTo(home, uid, gid);
    } catch (error) {
      // While a home belongs to root, the clean-up does not take it for a session's and does not remove it.
      await chown(home, uid, gid);
      throw error;
    }
  } else if (!found.isDirectory() || found.uid !== uid) {
    throw new Error(`${home} is not the home of the session ${name}: it belongs to user id ${found.uid}`);
  }
  await chmod(home, 0o750);
}

/** Returns the time when a home was made, in nanoseconds since 1970, by the same clock as the birth times of files. */
export async function homeBegan(home: string): Promise<bigint> {
  return (await lstat(home, { bigint: true })).birthtimeNs;
}

async function giveTo(folder: string, uid: number, gid: number): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await chown(folder, uid, gid);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
