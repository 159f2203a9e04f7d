import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { exitCode } from "../lib/exec.ts";
import type { Launch } from "../sandbox/bwrap.ts";

/** What a session's command left. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended, if it was: `oom-kill`, `timeout` or `stopped`. */
  readonly unitResult?: string;
  /** When the command's first instruction ran, in milliseconds since 1970; absent when it did not come that far. */
  readonly firstAt?: number;
}

export interface CommandRun extends Pick<Launch, "command">, Partial<Omit<Launch, "command">> {
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

const INHERITED = ["inherit", "inherit", "inherit"] as const;
const CAPTURED = ["ignore", "pipe", "pipe"] as const;

/** How long outputs may stay open once the chain is over. */
const LINGERING_MS = 1_000;

/** How much of each output is kept, in bytes. */
export const CAPTURE_LIMIT = 64 * 1024 * 1024;

/** Runs a command to its end. An abort or the end of its time kills it; it is still waited for. */
export async function runCommand(run: CommandRun): Promise<Output> {
  const { command, stdio, kill, outOfMemoryKills, signal, timeoutMs } = run;
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: chainStdio(stdio, run.descriptors),
    // bubblewrap is looked up here; the command's own environment is made further down.
    env: { PATH: process.env["PATH"] },
    cwd: "/",
    // A Ctrl-C at the terminal reaches the supervisor only, which ends the session in order.
    detached: true,
  });
  writeSecrets(child, run.secrets);
  const mark = readMark(child);
  let ended: string | undefined;
  let lingering: NodeJS.Timeout | undefined;
  const end = (why: string) => {
    ended ??= why;
    kill().catch(() => child.kill("SIGKILL"));
  };
  // The chain is over and something still holds its outputs: a link of it that died early can leave one that waits for it for ever.
  child.once("exit", () => {
    lingering = setTimeout(() => kill().catch(() => {}), LINGERING_MS);
  });
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
    const firstAt = mark();
    const output = { stdout, stderr, ...(firstAt === undefined ? {} : { firstAt }) };
    if (ended === undefined) return { exitCode: code, ...output };
    return { exitCode: EXIT_CODES[ended] ?? code, ...output, unitResult: ended };
  } finally {
    clearTimeout(timer);
    clearTimeout(lingering);
    signal?.removeEventListener("abort", onAbort);
  }
}

type Stdio = "inherit" | "ignore" | "pipe" | number;

/** What a chain finds on its descriptors: see {@link Launch}. */
export function chainStdio(stdio: "inherit" | "capture", descriptors: readonly number[] = []): Stdio[] {
  return [...(stdio === "inherit" ? INHERITED : CAPTURED), "pipe", "pipe", ...descriptors];
}

/** Writes what `apply-seccomp` reads from descriptor 3. When the chain ends before that, its exit code says why. */
export function writeSecrets(child: ChildProcess, secrets = ""): void {
  const pipe = child.stdio[3] as Writable;
  pipe.on("error", () => {});
  pipe.end(secrets);
}

/** How much of a mark is read: a number of nanoseconds and the end of its line. */
const MARK_LIMIT = 32;

/**
 * Listens for the mark that `apply-seccomp` leaves on descriptor 4 when the command starts. Nothing of the session's has that
 * descriptor; even so, no more is read than a mark can have.
 */
function readMark(child: ChildProcess): () => number | undefined {
  const pipe = child.stdio[4] as Readable;
  let text = "";
  pipe.on("error", () => {});
  pipe.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk.slice(0, MARK_LIMIT - text.length);
    if (text.length >= MARK_LIMIT || text.includes("\n")) pipe.destroy();
  });
  return () => (/^\d{16,20}\n/.test(text) ? Number.parseInt(text, 10) / 1e6 : undefined);
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
