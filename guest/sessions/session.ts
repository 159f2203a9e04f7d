import { chmod, chown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { tryRun } from "../lib/exec.ts";
import { ensureAccount, removeAccount } from "./accounts.ts";
import { drainingProblem, whyDraining } from "./draining.ts";
import { homeBegan, makeHome } from "./home.ts";
import type { SessionLimits } from "./limits.ts";
import { removeLog } from "./log.ts";
import { randomName } from "./names.ts";
import { recordUnremoved, removeHomeTree } from "./remove-tree.ts";
import { RunRefused, SessionFailed } from "./request.ts";
import { type Scope, startScope } from "./scope.ts";
import { claim, HOMES, release, type SessionPaths, sessionPaths, takeLeftovers, thisProcess } from "./state.ts";
import { stopArguments } from "./unit.ts";
import { clearUnkept, markUnkept } from "./unkept.ts";
import { type Account, groupInside, passwdInside, readAccounts } from "./users.ts";

/** A session that exists on this machine and is run by this process. */
export interface Session {
  readonly name: string;
  readonly account: Account;
  readonly paths: SessionPaths;
  readonly keep: boolean;
  readonly scope: Scope;
  /**
   * The time when its home was made, in nanoseconds since 1970: a session that was kept began with its first command.
   */
  readonly since: bigint;
}

export interface SessionRequest {
  /** Default: a random name. */
  readonly name?: string;
  readonly keep: boolean;
  readonly limits: SessionLimits;
}

/** Maximum number of random names to try. If all are in use, something is wrong. */
const NAME_TRIES = 20;

/**
 * Makes a session: user, home, limits. When a step fails, everything before it is taken back. Its /tmp and its mounts
 * are made anew for each command (guest/seal, `apply-seccomp launch`), and end with it.
 *
 * @throws {SessionFailed} when the name is in use, or a step fails
 * @throws {RunRefused} when the machine is draining
 */
export async function openSession(request: SessionRequest): Promise<Session> {
  const { name, paths } = await claimName(request);
  const draining = await whyDraining();
  if (draining !== undefined) {
    await release(paths.running);
    throw new RunRefused([drainingProblem(draining)]);
  }
  await markUnkept(name, request.keep).catch(async (error: Error) => {
    await release(paths.running);
    throw new SessionFailed(`the session ${name} could not be marked as one to remove: ${error.message}`);
  });
  const undo: Undo = { name, paths, keep: request.keep, scope: undefined };
  // Wait for the end of all steps, also after a failure: only then can they be taken back.
  const account = ensureAccount(name, paths.home);
  const steps = await Promise.allSettled([
    account.then((made) => makeHome(made)),
    account.then((made) => describe(made, paths)),
    startScope(name, request.limits).then((scope) => {
      undo.scope = scope;
      return scope;
    }),
  ]);
  try {
    const failed = steps.find((step) => step.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const made = await account;
    if (undo.scope === undefined) throw new Error("no scope");
    const since = await homeBegan(paths.home);
    return { name, account: made, paths, keep: request.keep, scope: undo.scope, since };
  } catch (error) {
    const problems = await remove(undo);
    const more = problems.length === 0 ? "" : `; and cleaning up: ${problems.join("; ")}`;
    if (error instanceof SessionFailed && more === "") throw error;
    throw new SessionFailed(`the session ${name} could not be made: ${(error as Error).message}${more}`, {
      cause: error,
    });
  }
}

/**
 * Ends a session: kills all that still runs in it, and removes its home and user unless it is kept. Returns the
 * failures as texts. While something of it still runs, its home, user and name stay.
 *
 * @param running true when something may still run in it: the command was not seen to end by itself
 */
export async function closeSession(session: Session, running: boolean): Promise<string[]> {
  return await remove(session, running);
}

/** Removes the remains of runs that were killed. Returns a text for each part that could not be removed. */
export async function sweep(): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, keep } of await takeLeftovers()) {
    const paths = sessionPaths(name);
    problems.push(...(await remove({ name, paths, keep, scope: undefined }, true)));
  }
  return problems;
}

/** Removes a kept session for good: its home with everything in it, and its user. */
export async function removeSession(name: string): Promise<string[]> {
  const paths = sessionPaths(name);
  const claimed = await claim(paths.running, await thisProcess(false));
  if (!claimed.claimed) throw inUse(name, claimed.owner?.pid);
  if (!(await isKept(name, paths.home))) {
    await release(paths.running);
    throw new SessionFailed(`there is no session ${name}: ${HOMES} has no such home, and no user has this name`, {
      code: "CLOISTER_E_SESSION_UNKNOWN",
    });
  }
  return await remove({ name, paths, keep: false, scope: undefined });
}

async function isKept(name: string, home: string): Promise<boolean> {
  const info = await stat(home).catch(() => undefined);
  return info?.isDirectory() || (await readAccounts()).some((one) => one.name === name && one.home === home);
}

interface Undo {
  readonly name: string;
  readonly paths: SessionPaths;
  readonly keep: boolean;
  scope: Scope | undefined;
}

async function claimName({ name, keep }: SessionRequest): Promise<{ name: string; paths: SessionPaths }> {
  const owner = await thisProcess(keep);
  if (name !== undefined) {
    const paths = sessionPaths(name);
    const claimed = await claim(paths.running, owner);
    if (claimed.claimed) return { name, paths };
    throw inUse(name, claimed.owner?.pid);
  }
  const homes = new Set(await readdir(HOMES).catch(() => []));
  for (let attempt = 0; attempt < NAME_TRIES; attempt++) {
    const random = randomName();
    const paths = sessionPaths(random);
    if (!homes.has(random) && (await claim(paths.running, owner)).claimed) return { name: random, paths };
  }
  throw new SessionFailed(`${NAME_TRIES} random names were all in use: look at ${HOMES}`);
}

function inUse(name: string, pid: number | undefined): SessionFailed {
  const by = pid === undefined ? "another run that is just starting or ending" : `process ${pid}`;
  return new SessionFailed(`the session ${name} is in use by ${by}; wait until it has ended, or choose another name`, {
    code: "CLOISTER_E_SESSION_IN_USE",
  });
}

/**
 * Writes the session's own list of users and groups, and makes the folder of its sockets. Only its own group may enter
 * them.
 */
async function describe(account: Account, paths: SessionPaths): Promise<void> {
  await Promise.all([
    writeFile(paths.passwd, passwdInside(account), { mode: 0o644 }),
    writeFile(paths.group, groupInside(account), { mode: 0o644 }),
    mkdir(paths.empty, { mode: 0o755 }),
    mkdir(paths.scratch, { mode: 0o755 }),
    mkdir(paths.sockets, { mode: 0o750 }).then(() => chown(paths.sockets, 0, account.gid)),
  ]);
  await chown(paths.running, 0, account.gid);
  await chmod(paths.running, 0o710);
}

async function remove(undo: Undo, running = false): Promise<string[]> {
  const { name, paths, keep } = undo;
  const problems: string[] = [];
  const attempt = async (what: string, step: () => Promise<unknown>) => {
    try {
      await step();
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
    }
  };
  const { scope } = undo;
  if (running && scope !== undefined) await attempt("killing", () => scope.kill());
  // Without a scope of its own, this process cleans up after another process, which is gone.
  if (running && scope === undefined) await attempt("stopping", () => tryRun(stopArguments(name)));
  if (problems.length > 0) {
    // The processes that still run use the home, the user and the name. So these stay; the keeper tries again when this
    // process is gone.
    await attempt("record", () => recordUnremoved(name, problems.join("; ")));
    return problems.map((problem) => `session ${name}: ${problem}`);
  }
  await attempt("scope", async () => scope?.end());
  if (!keep) {
    // At once. While anything of the home is there, no new session gets its user id (accounts.ts).
    await Promise.all([
      attempt("home", () => removeHomeTree(name)),
      attempt("log", () => removeLog(name)),
      attempt("user", () => removeAccount(name)),
    ]);
    // What could not be removed is tried again after the next boot.
    if (problems.length === 0) await attempt("mark", () => clearUnkept(name));
  }
  await attempt("state", () => release(paths.running));
  return problems.map((problem) => `session ${name}: ${problem}`);
}
