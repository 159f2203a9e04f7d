import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../whole-file.ts";

/** Where sessions' homes are: on the session disk. */
export const HOMES = "/sessions";
/** What belongs to running sessions and to nothing else: sockets, /tmp, who runs them. Gone after a boot. */
export const RUNNING = "/run/cloister/sessions";

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

/** Who runs a session. A process is known by its number and the moment of its start, so a reused number is no match. */
const Owner = z.strictObject({
  pid: z.int().positive(),
  started: z.string(),
  /** Whether home and user stay when the session ends. */
  keep: z.boolean(),
});
export type Owner = z.infer<typeof Owner>;

const OWNER_FILE = "owner.json";
/** A folder without an owner is being made, or was left by a process that died right then. */
const BEING_MADE_MS = 30_000;

/** When a process was started, in clock ticks since boot (proc(5), field 22 of stat), or undefined if there is none. */
export async function processStart(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the program's name in parentheses and may hold anything.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

export async function thisProcess(keep: boolean): Promise<Owner> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? "?", keep };
}

export type Claim =
  | { readonly claimed: true }
  /** Somebody runs it. */
  | { readonly claimed: false; readonly owner: Owner }
  /** It was left by a process that is gone, or is just being made. */
  | { readonly claimed: false; readonly owner?: undefined };

/** Claims a name for this process: at most one process has it. */
export async function claim(running: string, owner: Owner): Promise<Claim> {
  await mkdir(join(running, ".."), { recursive: true, mode: 0o711 });
  try {
    await mkdir(running, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const other = await readOwner(running);
    return other !== undefined && (await isAlive(other)) ? { claimed: false, owner: other } : { claimed: false };
  }
  await writeWhole(join(running, OWNER_FILE), JSON.stringify(owner), 0o600);
  return { claimed: true };
}

/** How many sessions are run by a process that lives: what a machine that shall stop waits for. */
export async function countRunning(root: string = RUNNING): Promise<number> {
  const names = await readdir(root).catch(() => []);
  const alive = await Promise.all(
    names.map(async (name) => {
      const folder = join(root, name);
      const owner = await readOwner(folder);
      if (owner !== undefined) return await isAlive(owner);
      // Being made, unless it was left behind.
      const info = await stat(folder).catch(() => undefined);
      return info !== undefined && Date.now() - info.mtimeMs < BEING_MADE_MS;
    }),
  );
  return alive.filter(Boolean).length;
}

/** A session that nobody runs any more. */
export interface Leftover {
  readonly name: string;
  readonly keep: boolean;
}

/**
 * Finds what processes that are gone left behind, and takes it over: of several processes that look at once, each
 * leftover is returned to exactly one.
 */
export async function takeLeftovers(root: string = RUNNING): Promise<Leftover[]> {
  const names = await readdir(root).catch(() => []);
  const found = await Promise.all(names.map((name) => takeLeftover(root, name)));
  return found.flatMap((one) => one ?? []);
}

async function takeLeftover(root: string, name: string): Promise<Leftover | undefined> {
  const folder = join(root, name);
  const owner = await readOwner(folder);
  if (owner === undefined) {
    const info = await stat(folder).catch(() => undefined);
    if (info === undefined || Date.now() - info.mtimeMs < BEING_MADE_MS) return undefined;
    // Nothing is known of it: what it was to keep must not be removed.
    return { name, keep: true };
  }
  if (await isAlive(owner)) return undefined;
  const taken = await rename(join(folder, OWNER_FILE), join(folder, `${OWNER_FILE}.${process.pid}`)).then(
    () => true,
    () => false,
  );
  return taken ? { name, keep: owner.keep } : undefined;
}

/** Gives a name free again. Everything else in the folder must have been unmounted before. */
export async function release(running: string): Promise<void> {
  await rm(running, { recursive: true, force: true });
}

async function readOwner(running: string): Promise<Owner | undefined> {
  const text = await readFile(join(running, OWNER_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = Owner.safeParse(safeJson(text));
  return parsed.success ? parsed.data : undefined;
}

async function isAlive(owner: Owner): Promise<boolean> {
  return (await processStart(owner.pid)) === owner.started;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
