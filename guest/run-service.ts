import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { exitCode } from "./sessions/exec.ts";

/** What a session's service left. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why the system ended it, if it did: `oom-kill`, `timeout` or `stopped`. */
  readonly unitResult?: string;
}

export interface ServiceRun {
  /** systemd-run and its arguments. */
  readonly command: readonly string[];
  readonly stdio: "inherit" | "capture";
  /** Stops the service and everything in it. */
  readonly stop: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** systemd-run tells of a command that was killed only that it failed; these are what shells and timeout(1) say. */
const EXIT_CODES: Readonly<Record<string, number>> = { "oom-kill": 137, timeout: 124 };

/** How much of each output is kept, in bytes. */
export const CAPTURE_LIMIT = 64 * 1024 * 1024;

/** Where the kernel counts the processes of all sessions that were killed for want of memory (cgroup v2). */
const MEMORY_EVENTS = "/sys/fs/cgroup/cloister.slice/cloister-sessions.slice/memory.events";

/** Runs the service to its end. An abort or the end of its time stops it; it is still waited for. */
export async function runService({ command, stdio, stop, signal, timeoutMs }: ServiceRun): Promise<Output> {
  const killedBefore = await outOfMemoryKills();
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: stdio === "inherit" ? "inherit" : ["ignore", "pipe", "pipe"],
    // A Ctrl-C at the terminal reaches the supervisor only, which stops the service in order.
    detached: true,
  });
  let ended: string | undefined;
  const end = (why: string) => {
    ended ??= why;
    void stop();
  };
  const onAbort = () => end("stopped");
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), timeoutMs);
  try {
    const [code, stdout, stderr] = await Promise.all([
      new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (status, killed) => resolve(exitCode(status, killed)));
      }),
      collect(child.stdout),
      collect(child.stderr),
    ]);
    // The count is of all sessions: of two that fail in the same moment, both would be told.
    if (code !== 0 && (await outOfMemoryKills()) > killedBefore) ended ??= "oom-kill";
    if (ended === undefined) return { exitCode: code, stdout, stderr };
    return { exitCode: EXIT_CODES[ended] ?? code, stdout, stderr, unitResult: ended };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function collect(stream: Readable | null): Promise<string> {
  if (stream === null) return "";
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // What is over the limit is read and dropped: the command must not stand still.
    if (size < CAPTURE_LIMIT) chunks.push(chunk.subarray(0, CAPTURE_LIMIT - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function outOfMemoryKills(): Promise<number> {
  const text = await readFile(MEMORY_EVENTS, "utf8").catch(() => "");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
