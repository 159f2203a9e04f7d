import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { NOBODY, SESSION_USERS } from "../../contract/users.ts";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Returns the accounts of a passwd(5) text. It leaves out lines that are no account. */
export function parsePasswd(text: string): Account[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(":");
    if (!name || home === undefined || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
}

export async function readAccounts(): Promise<Account[]> {
  return parsePasswd(await readFile("/etc/passwd", "utf8"));
}

/**
 * Returns a free user id. It is random, so that two sessions made at once rarely want the same. It is never in `taken`:
 * the ids of accounts, groups and owners of homes that are still there.
 */
export function chooseUid(taken: ReadonlySet<number>, random = (below: number) => randomInt(below)): number {
  const size = SESSION_USERS.to - SESSION_USERS.from + 1;
  const start = random(size);
  for (let i = 0; i < size; i++) {
    const uid = SESSION_USERS.from + ((start + i) % size);
    if (!taken.has(uid)) return uid;
  }
  throw new Error(`all ${size} user ids of sessions are taken: remove sessions that are not used any more`);
}

/**
 * useradd(8) for a session. It makes no home, no mail box, no log entries and no subordinate ids: a session maps no
 * user but itself. Older versions (4.8, Ubuntu 22.04) look for a range of no ids, and fail, unless the user is none of
 * those that have any: above UID_MAX.
 */
export function useraddArguments(name: string, uid: number, home: string): string[] {
  return [
    "useradd",
    ...["--uid", String(uid), "--user-group"],
    ...["--no-create-home", "--no-log-init"],
    ...["--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0", "--key", `UID_MAX=${SESSION_USERS.from - 1}`],
    ...["--home-dir", home, "--shell", "/bin/bash"],
    name,
  ];
}

export const userdelArguments = (name: string) => ["userdel", name];

/** Exit codes of useradd(8) after which another user id, or a moment's patience, helps. */
export const USERADD_UID_TAKEN = 4;
export const USERADD_NAME_TAKEN = 9;
export const USERADD_LOCKED = 1;

/** `/etc/passwd` as one session sees it: root, nobody and itself. */
export function passwdInside({ name, uid, gid, home }: Account): string {
  return [
    "root:x:0:0:root:/root:/usr/sbin/nologin",
    `nobody:x:${NOBODY}:${NOBODY}:nobody:/nonexistent:/usr/sbin/nologin`,
    `${name}:x:${uid}:${gid}::${home}:/bin/bash`,
    "",
  ].join("\n");
}

/** `/etc/group` as one session sees it. */
export function groupInside({ name, gid }: Account): string {
  return ["root:x:0:", `nogroup:x:${NOBODY}:`, `${name}:x:${gid}:`, ""].join("\n");
}
