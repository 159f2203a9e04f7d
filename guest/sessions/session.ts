import { chmod, chown, mkdir, readdir, rmdir, stat, writeFile } from "node:fs/promises";
import { RunRefused, SessionFailed } from "../run-types.ts";
import { ensureAccount, removeAccount } from "./accounts.ts";
import { run, tryRun } from "./exec.ts";
import { makeHome, makeMountPoint, removeHome } from "./home.ts";
import type { SessionLimits } from "./limits.ts";
import { currentMountsBelow } from "./mounted.ts";
import { bindfsArguments, type Mount } from "./mounts.ts";
import { randomName } from "./names.ts";
import { type Scope, startScope } from "./scope.ts";
import { claim, HOMES, release, type SessionPaths, sessionPaths, takeLeftovers, thisProcess } from "./state.ts";
import { stoppingMessage, whyStopping } from "./stopping.ts";
import { mountServiceArguments, stopArguments } from "./unit.ts";
import { type Account, groupInside, passwdInside, readAccounts } from "./users.ts";

/** A session that exists on this machine and is run by this process. */
export interface Session {
  readonly name: string;
  readonly account: Account;
  readonly paths: SessionPaths;
  readonly keep: boolean;
  readonly scope: Scope;
  readonly hasMounts: boolean;
  /** Folders of its own sized file system: its /tmp, its /dev/shm and where its start is marked. */
  readonly scratch: { readonly tmp: string; readonly shm: string; readonly mark: string };
}

export interface SessionRequest {
  /** Default: a random name. */
  readonly name?: string;
  readonly keep: boolean;
  readonly mounts: readonly Mount[];
  readonly limits: SessionLimits;
}

/** How many random names are tried before something must be wrong. */
const NAME_TRIES = 20;

/**
 * Makes a session: user, home, its own /tmp, mounts. When a step fails, everything before it is taken back.
 *
 * @throws {SessionFailed} when the name is in use, or a step fails
 * @throws {RunRefused} when the machine is stopping
 */
export async function openSession(request: SessionRequest): Promise<Session> {
  const { name, paths } = await claimName(request);
  const stopping = await whyStopping();
  if (stopping !== undefined) {
    await release(paths.running);
    throw new RunRefused([stoppingMessage(stopping)]);
  }
  const undo: Undo = { name, paths, keep: request.keep, scope: undefined, hasMounts: request.mounts.length > 0 };
  // All of them come to their end before anything is taken back, whichever fails first.
  const account = ensureAccount(name, paths.home);
  const steps = await Promise.allSettled([
    account.then((made) => makeHome(made)),
    account.then((made) => describe(made, paths)),
    mountScratch(paths, request.limits),
    startScope(name, request.limits).then((scope) => {
      undo.scope = scope;
      return scope;
    }),
  ]);
  try {
    const failed = steps.find((step) => step.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const made = await account;
    const scratch = await scratchFolders(paths, made);
    const mounts = await Promise.allSettled(request.mounts.map((mount) => mountFolder(mount, made, paths)));
    const broken = mounts.find((mount) => mount.status === "rejected");
    if (broken !== undefined) throw broken.reason;
    if (undo.scope === undefined) throw new Error("no scope");
    return { name, account: made, paths, keep: request.keep, scratch, scope: undo.scope, hasMounts: undo.hasMounts };
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
 * Ends a session: whatever still runs in it is killed, mounts and its /tmp go, and unless it is kept its home and user
 * go too. Every step is tried whatever happened before; what failed is returned in words.
 *
 * @param running whether something may still run in it: the command was not seen to end by itself
 */
export async function closeSession(session: Session, running: boolean): Promise<string[]> {
  return await remove(session, running);
}

/** Removes what runs that were killed have left. Returns what could not be removed, in words. */
export async function sweep(): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, keep } of await takeLeftovers()) {
    const paths = sessionPaths(name);
    problems.push(...(await remove({ name, paths, keep, scope: undefined, hasMounts: true }, true)));
  }
  return problems;
}

/** Removes a kept session for good: its home with everything in it, and its user. */
export async function removeSession(name: string): Promise<string[]> {
  const paths = sessionPaths(name);
  const claimed = await claim(paths.running, await thisProcess(false));
  if (!claimed.claimed) throw new SessionFailed(inUse(name, claimed.owner?.pid));
  if (!(await isKept(name, paths.home))) {
    await release(paths.running);
    throw new SessionFailed(`there is no session ${name}: ${HOMES} has no such home, and no user has this name`);
  }
  return await remove({ name, paths, keep: false, scope: undefined, hasMounts: false });
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
  readonly hasMounts: boolean;
}

async function claimName({ name, keep }: SessionRequest): Promise<{ name: string; paths: SessionPaths }> {
  const owner = await thisProcess(keep);
  if (name !== undefined) {
    const paths = sessionPaths(name);
    const claimed = await claim(paths.running, owner);
    if (claimed.claimed) return { name, paths };
    throw new SessionFailed(inUse(name, claimed.owner?.pid));
  }
  const homes = new Set(await readdir(HOMES).catch(() => []));
  for (let attempt = 0; attempt < NAME_TRIES; attempt++) {
    const random = randomName();
    const paths = sessionPaths(random);
    if (!homes.has(random) && (await claim(paths.running, owner)).claimed) return { name: random, paths };
  }
  throw new SessionFailed(`${NAME_TRIES} random names were all in use: look at ${HOMES}`);
}

function inUse(name: string, pid: number | undefined): string {
  const by = pid === undefined ? "another run that is just starting or ending" : `process ${pid}`;
  return `--name ${name}: the session is in use by ${by}; wait until it has ended, or choose another name`;
}

/** What the session sees of users, and the folder of its sockets: for its own group, and nobody else. */
async function describe(account: Account, paths: SessionPaths): Promise<void> {
  await Promise.all([
    writeFile(paths.passwd, passwdInside(account), { mode: 0o644 }),
    writeFile(paths.group, groupInside(account), { mode: 0o644 }),
    mkdir(paths.empty, { mode: 0o755 }),
    mkdir(paths.sockets, { mode: 0o750 }).then(() => chown(paths.sockets, 0, account.gid)),
  ]);
  await chown(paths.running, 0, account.gid);
  await chmod(paths.running, 0o710);
}

/** A tmpfs with a size, made by root: bubblewrap 0.6 gives its own no size. Its pages count as the session's memory. */
async function mountScratch(paths: SessionPaths, { tmpMiB }: SessionLimits): Promise<void> {
  await mkdir(paths.scratch, { mode: 0o755 });
  const options = `size=${tmpMiB}m,mode=0755,nosuid,nodev`;
  await run(["mount", "-t", "tmpfs", "-o", options, "cloister-session", paths.scratch]);
}

async function scratchFolders(paths: SessionPaths, { uid, gid }: Account): Promise<Session["scratch"]> {
  const make = async (name: string, mode: number) => {
    const folder = `${paths.scratch}/${name}`;
    await mkdir(folder);
    await chmod(folder, mode);
    await chown(folder, uid, gid);
    return folder;
  };
  const [tmp, shm, mark] = await Promise.all([make("tmp", 0o1777), make("shm", 0o1777), make("mark", 0o700)]);
  return { tmp, shm, mark };
}

async function mountFolder(mount: Mount, account: Account, paths: SessionPaths): Promise<void> {
  const target = await makeMountPoint(paths.home, mount.name);
  const command = bindfsArguments(mount, account, target);
  await run(mountServiceArguments({ session: account.name, name: mount.name, target, command }));
}

async function remove(undo: Undo, running = false): Promise<string[]> {
  const { name, paths, keep, hasMounts } = undo;
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
  // Without a scope of this process's own, it is another one's that is gone.
  if (hasMounts || (running && scope === undefined)) await attempt("stopping", () => tryRun(stopArguments(name)));
  await attempt("scope", async () => scope?.end());
  for (const point of [...(await currentMountsBelow(paths.home)), ...(await currentMountsBelow(paths.running))]) {
    await attempt(`unmounting ${point}`, () => run(["umount", "--lazy", point]));
  }
  if (keep) await attempt("mount points", () => removeMountPoints(paths.home));
  else {
    await attempt("home", () => removeHome(paths.home));
    await attempt("user", () => removeAccount(name));
  }
  await attempt("state", () => release(paths.running));
  return problems.map((problem) => `session ${name}: ${problem}`);
}

/** A kept home shows no folders of mounts that are not there. What is not empty stays. */
async function removeMountPoints(home: string): Promise<void> {
  for (const entry of await readdir(`${home}/mnt`).catch(() => [])) {
    await rmdir(`${home}/mnt/${entry}`).catch(() => {});
  }
}
