import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { exitCode } from "./sessions/exec.ts";

/** What a session's command left. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended, if it was: `oom-kill`, `timeout` or `stopped`. */
  readonly unitResult?: string;
}

export interface CommandRun {
  /** Program and arguments; for a session the whole chain (see launchArguments). */
  readonly command: readonly string[];
  readonly stdio: "inherit" | "capture";
  /** Kills the command and everything in its session. */
  readonly kill: () => Promise<void>;
  /** How many processes were killed for want of memory so far. */
  readonly outOfMemoryKills: () => Promise<number>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What shells and timeout(1) say of such an end. */
const EXIT_CODES: Readonly<Record<string, number>> = { "oom-kill": 137, timeout: 124 };

/** How much of each output is kept, in bytes. */
export const CAPTURE_LIMIT = 64 * 1024 * 1024;

/** Runs a command to its end. An abort or the end of its time kills it; it is still waited for. */
export async function runCommand(run: CommandRun): Promise<Output> {
  const { command, stdio, kill, outOfMemoryKills, signal, timeoutMs } = run;
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: stdio === "inherit" ? "inherit" : ["ignore", "pipe", "pipe"],
    // bubblewrap is looked up here; the command's own environment is made further down.
    env: { PATH: process.env["PATH"] },
    cwd: "/",
    // A Ctrl-C at the terminal reaches the supervisor only, which ends the session in order.
    detached: true,
  });
  let ended: string | undefined;
  const end = (why: string) => {
    ended ??= why;
    kill().catch(() => child.kill("SIGKILL"));
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
    if (code !== 0 && (await outOfMemoryKills()) > 0) ended ??= "oom-kill";
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
