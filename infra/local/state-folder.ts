import { type Dir, lstatSync, opendirSync, readFileSync, type Stats } from "node:fs";
import { chmod, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { neutral } from "../../guest/lib/neutral.ts";
import { userId } from "../../lib/home.cjs";
import { shellQuoted } from "./ssh.ts";

/**
 * Makes a folder of a machine's files this user's alone. In one that others could write in, a stranger may have put a key pair
 * of theirs, or links to files of ours that are written later: it is taken only when nothing is in it but what is shown to be
 * ours.
 *
 * @returns whether it was open to others before
 */
export async function makeStateFolderOurs(folder: string): Promise<boolean> {
  const { mode, uid } = await stat(folder);
  if ((mode & 0o077) === 0) return false;
  // Even where the group is the user's own: by an access control list these bits are what others have.
  if ((mode & 0o022) !== 0) {
    refuseForeign(folder, uid);
    // Nobody else comes in from here on, so that nothing changes while we look again. The right to write stays in the mode, by
    // which the next run knows that it must look, should this one be killed.
    await chmod(folder, mode & 0o722);
    refuseForeign(folder, uid);
  }
  await chmod(folder, mode & 0o700);
  return true;
}

/**
 * Whether users other than the owner may write to a file. A group that nobody else is in is no other user: where the umask is
 * 002, all files of a machine are the group's to write.
 */
function othersWrite({ mode, gid }: Pick<Stats, "mode" | "gid">): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !isOwnGroup(gid));
}

function refuseForeign(folder: string, owner: number): void {
  const foreign = foreignIn(folder, [owner, userId()]);
  if (foreign === undefined) return;
  throw new Error(
    `${neutral(folder)} was open for others to write in, and ${neutral(foreign)} in it may be theirs: name an empty or a new folder in cloister:stateDirectory, or remove what is not yours in it and close it (chmod 700 ${neutral(shellQuoted(folder))})`,
  );
}

/**
 * The first entry of a folder, at any depth, that others may have put there or changed; undefined: there is none. A link is
 * never followed: it leads away, and a second name (a hard link) does, too.
 */
function foreignIn(folder: string, owners: readonly number[], below = ""): string | undefined {
  const entries = open(join(folder, below));
  if (entries === undefined) return undefined;
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      const name = join(below, entry.name);
      // A name that is no text is not found by it: none of ours.
      if (name.includes("\ufffd")) return name;
      const stats = lstatSync(join(folder, name), { throwIfNoEntry: false });
      // It is gone: another step of the same stack works in the folder.
      if (stats === undefined) continue;
      if (!owners.includes(stats.uid) || othersWrite(stats)) return name;
      if (stats.isFile() ? stats.nlink > 1 : !stats.isDirectory()) return name;
      const inside = stats.isDirectory() ? foreignIn(folder, owners, name) : undefined;
      if (inside !== undefined) return inside;
    }
    return undefined;
  } finally {
    entries.closeSync();
  }
}

/** Undefined: it is gone. */
function open(folder: string): Dir | undefined {
  try {
    return opendirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Whether a group is this user's own: many systems make one for each user, with the user's name, and let it write to all
 * that the user makes (umask 002). A group that the files do not name may have anybody in it.
 */
export function isOwnGroup(
  gid: number,
  us = user(),
  groups = read("/etc/group"),
  users = read("/etc/passwd"),
): boolean {
  if (us?.gid !== gid) return false;
  const { username } = us;
  const own = groups.filter(([, , number]) => number === String(gid));
  const alone = own.every(([name, , , members]) => name === username && (!members || members === username));
  const shared = users.some(([name, , , group]) => group === String(gid) && name !== username);
  return own.length > 0 && alone && !shared;
}

/** This user; undefined where the system has no entry for them, as in some containers. */
function user(): { readonly username: string; readonly gid: number } | undefined {
  try {
    return userInfo();
  } catch {
    return undefined;
  }
}

/** Lines of one of the system's lists (group(5), passwd(5)), in fields. */
function read(list: string): readonly string[][] {
  try {
    return readFileSync(list, "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
