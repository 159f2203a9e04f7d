import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import type { Report } from "../lib/store.ts";

/** The content of a lock of Pulumi's file backend (pkg/backend/diy/lock.go). */
const lockSchema = z.object({
  pid: z.number().int().positive(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.coerce.date(),
});

export type Lock = z.infer<typeof lockSchema> & { readonly file: string };

export interface Locks {
  /** Locks that were removed: their process is gone. */
  readonly released: readonly Lock[];
  /** Locks that were left: their process runs, or is on another computer. */
  readonly kept: readonly Lock[];
}

/** Start time of a process; undefined when there is none with this id. */
export type ProcessStart = (pid: number) => Promise<Date | undefined>;

/**
 * Removes the locks that killed processes of this computer left in a file backend, for all its stacks. A lock is stale
 * when no process has its id any more, or when the one that has it began after the lock was taken. Locks of living
 * processes and of other computers are left and reported.
 *
 * @param backendUrl `file://...` as in PULUMI_BACKEND_URL; other backends are left alone
 */
export async function releaseStaleLocks(
  backendUrl: string,
  report: Report,
  processStart: ProcessStart = startOf,
): Promise<Locks> {
  const released: Lock[] = [];
  const kept: Lock[] = [];
  for (const { lock, holder } of await judgedLocks(backendUrl, report, processStart)) {
    const whose = `a lock on the stack's state, taken ${lock.timestamp.toISOString()} by process ${lock.pid}`;
    if (holder === "elsewhere") {
      report(`${whose} on ${lock.hostname}, is left: end that run, or remove ${lock.file}`);
      kept.push(lock);
    } else if (holder === "runs") {
      report(`${whose}, is left: that process still runs`);
      kept.push(lock);
    } else {
      await rm(lock.file, { force: true });
      report(`${whose}, is removed: that process is gone`);
      released.push(lock);
    }
  }
  return { released, kept };
}

/** A lock, and the state of the process that took it; `elsewhere`: it is on another computer. */
export interface JudgedLock {
  readonly lock: Lock;
  readonly holder: "gone" | "runs" | "elsewhere";
}

/** Looks at the locks of a file backend, and removes none. */
export async function judgedLocks(
  backendUrl: string,
  report: Report = () => {},
  processStart: ProcessStart = startOf,
): Promise<readonly JudgedLock[]> {
  const judged: JudgedLock[] = [];
  for (const lock of await locksIn(backendUrl, report)) {
    if (lock.hostname !== hostname()) {
      judged.push({ lock, holder: "elsewhere" });
      continue;
    }
    const start = await processStart(lock.pid);
    // `ps` tells seconds only: one that began in the same second is taken for the lock's own.
    const runs = start !== undefined && start.getTime() <= lock.timestamp.getTime() + 1_000;
    judged.push({ lock, holder: runs ? "runs" : "gone" });
  }
  return judged;
}

async function locksIn(backendUrl: string, report: Report): Promise<Lock[]> {
  const folder = folderOf(backendUrl);
  if (!folder) return [];
  const files = await readdir(join(folder, ".pulumi", "locks"), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  const locks: Lock[] = [];
  for (const entry of files.filter((file) => file.isFile() && file.name.endsWith(".json"))) {
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const text = await readFile(file, "utf8").catch(() => undefined);
    // Gone meanwhile: its process ended in order.
    if (text === undefined) continue;
    const parsed = lockSchema.safeParse(parseJson(text));
    if (parsed.success) locks.push({ ...parsed.data, file });
    else report(`${file} is not a lock that Pulumi wrote: it is left`);
  }
  return locks;
}

/** The folder of a file backend: `file:///abs`, `file://~/in/home` and `file://./relative` are what Pulumi takes. */
export function folderOf(backendUrl: string): string | undefined {
  if (!backendUrl.startsWith("file:")) return undefined;
  const [path = ""] = backendUrl.slice("file://".length).split("?");
  if (path.startsWith("~")) return join(process.env["HOME"] ?? "", path.slice(1));
  return path.startsWith("/") ? fileURLToPath(`file://${path}`) : path;
}

async function startOf(pid: number): Promise<Date | undefined> {
  const { stdout } = await execa("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    env: { LC_ALL: "C" },
    reject: false,
  });
  const [state = "", ...time] = (stdout ?? "").trim().split(/\s+/);
  // A zombie holds nothing any more: it waits for a parent that may never look (ps(1), process state codes).
  if (state.startsWith("Z")) return undefined;
  const start = new Date(time.join(" "));
  if (!Number.isNaN(start.getTime())) return start;
  try {
    process.kill(pid, 0);
    // It runs, but nobody can say since when: the lock is left.
    return new Date(0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? new Date(0) : undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
