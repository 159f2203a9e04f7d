import { readdir, readFile, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { SESSION_USERS } from "../../contract/users.ts";
import { CommandFailed, tryRun } from "../lib/exec.ts";
import { SessionFailed } from "./request.ts";
import { HOMES } from "./state.ts";
import {
  type Account,
  chooseUid,
  parsePasswd,
  readAccounts,
  USERADD_LOCKED,
  USERADD_NAME_TAKEN,
  USERADD_UID_TAKEN,
  useraddArguments,
  userdelArguments,
} from "./users.ts";

/** Maximum number of attempts: each tries another user id, or waits for a lock. */
const TRIES = 10;

/**
 * Finds or makes the Unix user of a session. A home that is there keeps its owner's user id, also when the account is
 * gone: the session disk outlives the machine and its /etc/passwd.
 *
 * @throws {SessionFailed} when the name belongs to another kind of user, or the account cannot be made
 */
export async function ensureAccount(name: string, home: string): Promise<Account> {
  for (let attempt = 1; ; attempt++) {
    const accounts = await readAccounts();
    const existing = accounts.find((account) => account.name === name);
    if (existing !== undefined) return sessionsOwn(existing, home);
    const uid = (await ownerOfHome(home)) ?? chooseUid(await takenIds(accounts));
    const finished = await tryRun(useraddArguments(name, uid, home));
    if (finished.code === 0) return { name, uid, gid: await groupOf(name, uid), home };
    const again = [USERADD_UID_TAKEN, USERADD_NAME_TAKEN, USERADD_LOCKED].includes(finished.code);
    if (!again || attempt === TRIES) {
      const cause = new CommandFailed(useraddArguments(name, uid, home), finished);
      throw new SessionFailed(`the session's user could not be made. ${cause.message}`, { cause });
    }
    await sleep(20 * attempt);
  }
}

/**
 * Removes the session's user. The user must not have processes any more. A user that is not a session's stays: a run
 * with its name was refused, and this call only takes back what that run did.
 */
export async function removeAccount(name: string): Promise<void> {
  const account = (await readAccounts()).find((one) => one.name === name);
  if (account === undefined || !inRange(account.uid) || account.home !== `${HOMES}/${name}`) return;
  for (let attempt = 1; ; attempt++) {
    const finished = await tryRun(userdelArguments(name));
    // Exit code 6: the user is gone already (userdel(8)).
    if (finished.code === 0 || finished.code === 6) return;
    if (finished.code !== USERADD_LOCKED || attempt === TRIES) {
      throw new CommandFailed(userdelArguments(name), finished);
    }
    await sleep(20 * attempt);
  }
}

function sessionsOwn(account: Account, home: string): Account {
  if (account.home === home && inRange(account.uid)) return account;
  throw new SessionFailed(`a user of this machine has the name ${account.name} already; choose another name`, {
    code: "CLOISTER_E_SESSION_NAME_TAKEN",
  });
}

async function ownerOfHome(home: string): Promise<number | undefined> {
  const found = await stat(home).catch(() => undefined);
  if (found === undefined) return undefined;
  if (inRange(found.uid)) return found.uid;
  throw new SessionFailed(`${home} is there but belongs to user id ${found.uid}: it is not a session's home`, {
    code: "CLOISTER_E_SESSION_NAME_TAKEN",
  });
}

/** User and group ids that a new session must not get. */
async function takenIds(accounts: readonly Account[]): Promise<Set<number>> {
  const groups = parseGroupIds(await readFile("/etc/group", "utf8"));
  const names = await readdir(HOMES).catch(() => []);
  const homes = await Promise.all(names.map((name) => stat(`${HOMES}/${name}`).catch(() => undefined)));
  return new Set([
    ...accounts.flatMap(({ uid, gid }) => [uid, gid]),
    ...groups,
    ...homes.flatMap((info) => (info === undefined ? [] : [info.uid])),
  ]);
}

function parseGroupIds(text: string): number[] {
  return text.split("\n").flatMap((line) => {
    const gid = line.split(":")[2];
    return gid !== undefined && /^\d+$/.test(gid) ? [Number(gid)] : [];
  });
}

/** useradd gives the group the user's number when it is free, and another one when it is not. */
async function groupOf(name: string, uid: number): Promise<number> {
  const account = parsePasswd(await readFile("/etc/passwd", "utf8")).find((one) => one.name === name);
  return account?.gid ?? uid;
}

function inRange(uid: number): boolean {
  return uid >= SESSION_USERS.from && uid <= SESSION_USERS.to;
}
