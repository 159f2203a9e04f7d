import { chmod, chown, cp, lchown, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./users.ts";

/** What a new home begins with. */
const SKELETON = "/etc/skel";

/**
 * Makes a session's home (row N2): its user's own, mode 0750, with the files every user of this machine begins with.
 * A home that is there is left as it is, and its owner checked: a session had it, so nothing in it is looked at.
 */
export async function makeHome({ home, uid, gid, name }: Account): Promise<void> {
  const found = await lstat(home).catch(() => undefined);
  if (found === undefined) {
    // Root's alone until it is complete: nobody changes what is written here.
    await mkdir(home, { mode: 0o700 });
    try {
      await cp(SKELETON, home, { recursive: true, force: false, errorOnExist: false }).catch(ignoreMissing);
      await giveTo(home, uid, gid);
    } catch (error) {
      // As long as it is root's, nobody takes it for a session's, and so nobody removes it.
      await chown(home, uid, gid);
      throw error;
    }
  } else if (!found.isDirectory() || found.uid !== uid) {
    throw new Error(`${home} is not the home of the session ${name}: it belongs to user id ${found.uid}`);
  }
  await chmod(home, 0o750);
}

/** When a home was made, in nanoseconds since 1970, by the same clock as the birth times of files. */
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
