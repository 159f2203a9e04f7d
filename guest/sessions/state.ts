import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { REFERENCE } from "../../contract/reference.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { checkName } from "./names.ts";

/** The folder of the sessions' homes, on the session disk. */
export const HOMES = REFERENCE.D3.at;
/**
 * The folder of all that belongs to running sessions only: sockets, /tmp, the owner's process. It is gone after a boot.
 */
export const RUNNING: string = RUN_FILES.sessions;

/** Paths of one session. */
export interface SessionPaths {
  readonly home: string;
  /** Folder of everything that lives only while the session runs. */
  readonly running: string;
  /** Folder of the proxies' sockets, shown inside. */
  readonly sockets: string;
  /** A file system of limited size with the session's /tmp and /dev/shm. */
  readonly scratch: string;
  readonly passwd: string;
  readonly group: string;
  /** An empty folder. */
  readonly empty: string;
  /** Sockets of the model's relay, reachable by root only. */
  readonly relay: string;
  readonly demo: string;
}

export function sessionPaths(name: string, roots = { homes: HOMES, running: RUNNING }): SessionPaths {
  const running = join(roots.running, name);
  return {
    home: join(roots.homes, name),
    running,
    sockets: join(running, "egress"),
    scratch: join(running, "scratch"),
    passwd: join(running, "passwd"),
    group: join(running, "group"),
    empty: join(running, "empty"),
    relay: join(running, "relay.sock"),
    demo: join(running, "demo.sock"),
  };
}

/**
 * The process that runs a session. It is known by its number and the moment of its start, so a reused number is no
 * match.
 */
const Owner = z.strictObject({
  pid: z.int().positive(),
  started: z.string(),
  /** True when home and user stay after the end of the session. */
  keep: z.boolean(),
});
export type Owner = z.infer<typeof Owner>;

/**
 * The protocol of these folders, which guest/seal/cmd/keeper follows too:
 *
 * - A session's folder appears by one rename, with its owner in `owner.json`; so no folder is ever half made.
 * - A process that cleans up after an owner that is gone renames that file to `owner.json.PID.STARTED`, with its own
 *   PID and start: only one process can. When that process dies too, the next takes over in the same way. The content
 *   of the file stays.
 * - A folder disappears by one rename, to a hidden name that contains the PID and start of the process that removes it.
 *
 * A folder that was looked at is used through its descriptor: its path may already lead to the next session's folder.
 */
const OWNER_FILE = "owner.json";
const HELD = /^owner\.json(?:\.(\d+)\.(\d+))?$/;
const HIDDEN = /^\.(?:new|gone)\.(\d+)\.(\d+)\.\d+$/;

/** Time for which a folder without a known owner is left alone. Milliseconds. */
const UNKNOWN_MS = 30_000;

/** Time for which a claim waits for a process that cleans up under this name. Milliseconds. */
const CLEANING_MS = 3_000;

type Process = Pick<Owner, "pid" | "started">;

/**
 * Returns the start of a process, in clock ticks since boot (proc(5), field 22 of stat); undefined when there is no
 * such process. A process that has ended, with all its threads, does not count, even when its parent has not yet waited
 * for it.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the program's name in parentheses and may hold anything.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  const ended = /^[ZX]$/i.test(fields[0] ?? "X");
  if (ended && (await readdir(`/proc/${pid}/task`).catch(() => [])).length < 2) return undefined;
  return fields[19];
}

export async function thisProcess(keep: boolean): Promise<Owner> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? "?", keep };
}

async function isAlive({ pid, started }: Process): Promise<boolean> {
  return (await processStart(pid)) === started;
}

export type Claim =
  | { readonly claimed: true }
  /** Another process runs the session. */
  | { readonly claimed: false; readonly owner: Owner }
  /** A process that is gone left the session, and it is still being cleaned up. */
  | { readonly claimed: false; readonly owner?: undefined };

/** Claims a name for a process: at most one has it. Waits a moment for a process that cleans up under this name. */
export async function claim(running: string, owner: Owner, patienceMs = CLEANING_MS): Promise<Claim> {
  const root = dirname(running);
  await mkdir(root, { recursive: true, mode: 0o711 });
  const made = join(root, await hiddenName("new"));
  await mkdir(made, { mode: 0o700 });
  await writeFile(join(made, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
  try {
    for (const deadline = Date.now() + patienceMs; ; await sleep(20)) {
      // This rename replaces nothing: every session's folder holds at least its owner's file.
      const error = await rename(made, running).then(() => undefined, errorCode);
      if (error === undefined) return { claimed: true };
      if (error !== "ENOTEMPTY" && error !== "EEXIST") throw new Error(`${running} cannot be claimed: ${error}`);
      const held = await whoHolds(running);
      if (held?.owner !== undefined && held.taker === undefined && (await isAlive(held.owner))) {
        return { claimed: false, owner: held.owner };
      }
      if (Date.now() >= deadline) return { claimed: false };
    }
  } finally {
    await clear(made);
  }
}

let hiddenNames = 0;

async function hiddenName(what: "new" | "gone"): Promise<string> {
  const { pid, started } = await thisProcess(false);
  return `.${what}.${pid}.${started}.${++hiddenNames}`;
}

/** Counts the sessions that a living process runs or cleans up. A machine that shall stop waits for them. */
export async function countRunning(root: string = RUNNING): Promise<number> {
  const held = await Promise.all(
    (await sessionsIn(root)).map(async (name) => {
      const folder = join(root, name);
      const holder = holderOf(await whoHolds(folder));
      return holder === undefined ? await isYoung(folder) : await isAlive(holder);
    }),
  );
  return held.filter(Boolean).length;
}

/** A session that nobody runs any more. */
export interface Leftover {
  readonly name: string;
  readonly keep: boolean;
}

/**
 * Returns the number of the living process that runs or cleans up the session of this folder; undefined when there is
 * none.
 */
export async function holderAlive(running: string): Promise<number | undefined> {
  const holder = holderOf(await whoHolds(running));
  return holder !== undefined && (await isAlive(holder)) ? holder.pid : undefined;
}

/**
 * Finds what processes that are gone left behind, and takes it over. When several processes look at once, each leftover
 * is returned to exactly one of them.
 */
export async function takeLeftovers(root: string = RUNNING): Promise<Leftover[]> {
  await clearHidden(root);
  const found = await Promise.all((await sessionsIn(root)).map((name) => takeLeftover(root, name)));
  return found.flatMap((one) => one ?? []);
}

async function sessionsIn(root: string): Promise<string[]> {
  return (await readdir(root).catch(() => [])).filter((name) => checkName(name) === undefined);
}

async function takeLeftover(root: string, name: string): Promise<Leftover | undefined> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const handle = await open(join(root, name), flags).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const folder = `/proc/self/fd/${handle.fd}`;
    const held = await whoHolds(folder);
    const holder = holderOf(held);
    if (holder === undefined ? await isYoung(folder) : await isAlive(holder)) return undefined;
    const self = await thisProcess(true);
    // Without an owner's file it is not known whether the session was to be kept, so its home must not be removed.
    const step =
      held === undefined
        ? writeFile(join(folder, OWNER_FILE), JSON.stringify(self), { flag: "wx", mode: 0o600 })
        : rename(join(folder, held.file), join(folder, `${OWNER_FILE}.${self.pid}.${self.started}`));
    if (!(await succeeds(step))) return undefined;
    // The folder may have been released before it was taken over. From now on nobody else can release it.
    const [open, named] = await Promise.all([handle.stat(), stat(join(root, name)).catch(() => undefined)]);
    if (open.ino !== named?.ino) return undefined;
    return { name, keep: held?.owner?.keep ?? true };
  } finally {
    await handle.close();
  }
}

/** The holder of a session's folder: its owner, or the process that took it over from an owner that is gone. */
interface Held {
  readonly file: string;
  /** The owner; undefined when the file cannot be understood. */
  readonly owner: Owner | undefined;
  readonly taker: Process | undefined;
}

const holderOf = (held: Held | undefined): Process | undefined => held?.taker ?? held?.owner;

async function whoHolds(folder: string): Promise<Held | undefined> {
  const file = (await readdir(folder).catch(() => [])).find((name) => HELD.test(name));
  if (file === undefined) return undefined;
  const text = await readFile(join(folder, file), "utf8").catch(() => "");
  const parsed = Owner.safeParse(safeJson(text));
  return { file, owner: parsed.success ? parsed.data : undefined, taker: processIn(HELD.exec(file)) };
}

function processIn(match: RegExpExecArray | null): Process | undefined {
  const [, pid, started] = match ?? [];
  return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started };
}

async function isYoung(folder: string): Promise<boolean> {
  const info = await stat(folder).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs < UNKNOWN_MS;
}

/** Frees a name at once, and then removes the content of its folder. */
export async function release(running: string): Promise<void> {
  const gone = join(dirname(running), await hiddenName("gone"));
  const error = await rename(running, gone).then(() => undefined, errorCode);
  if (error === "ENOENT") return;
  if (error !== undefined) throw new Error(`${running} cannot be removed: ${error}`);
  await clear(gone);
}

async function clearHidden(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const maker = processIn(HIDDEN.exec(name));
    if (maker !== undefined && !(await isAlive(maker))) await clear(join(root, name)).catch(() => {});
  }
}

/**
 * Removes a folder with its files, and with folders that hold only files. There is nothing deeper in it. File systems
 * that a session can write to may be mounted there, and these must not be walked by path.
 */
async function clear(folder: string, folders = true): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(ignoreMissing)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && folders) await clear(path, false);
    else await unlink(path).catch(ignoreMissing);
  }
  await rmdir(folder).catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === "ENOENT") return [];
  throw error;
}

const errorCode = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

const succeeds = (step: Promise<unknown>): Promise<boolean> =>
  step.then(
    () => true,
    () => false,
  );

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
