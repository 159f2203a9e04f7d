import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { exitCode } from "../lib/exec.ts";
import type { Launch } from "../sandbox/bwrap.ts";
import { CAPTURE_LIMIT, type Output } from "./result.ts";
import { standardFiles, writerTo } from "./standard-files.ts";

export interface CommandRun extends Pick<Launch, "command">, Partial<Omit<Launch, "command">> {
  readonly stdio: "inherit" | "capture";
  /** Kills the command and everything in its session. */
  readonly kill: () => Promise<void>;
  /** Returns the number of processes that were killed for want of memory so far. */
  readonly outOfMemoryKills: () => Promise<number>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** With `capture`: gets both outputs, instead of the result. */
  readonly onOutput?: (data: Buffer) => Promise<void>;
}

/** The exit codes with which shells and timeout(1) report such an end. */
const EXIT_CODES: Readonly<Record<string, number>> = { "oom-kill": 137, timeout: 124 };

const CAPTURED = ["ignore", "pipe", "pipe"] as const;

/** Time for which outputs may stay open after the end of the chain. Milliseconds. */
const LINGERING_MS = 1_000;

/** Runs a command to its end. An abort or the end of its time kills it; even then this function waits for its end. */
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
  // After the end of the chain a process may still hold its outputs: a link that died early can leave another one that
  // waits for it forever.
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
      collect(child.stdout, stdio === "inherit" ? writerTo(1) : run.onOutput),
      collect(child.stderr, stdio === "inherit" ? writerTo(2) : run.onOutput),
    ]);
    if (code !== 0 && (await outOfMemoryKills()) > 0) ended ??= "oom-kill";
    const firstAt = mark();
    const output = {
      stdout: stdout.text,
      stderr: stderr.text,
      ...(stdout.cut || stderr.cut ? ({ cut: true } as const) : {}),
      ...(firstAt === undefined ? {} : { firstAt }),
    };
    if (ended === undefined) return { exitCode: code, ...output };
    return { exitCode: EXIT_CODES[ended] ?? code, ...output, unitResult: ended };
  } finally {
    clearTimeout(timer);
    clearTimeout(lingering);
    signal?.removeEventListener("abort", onAbort);
  }
}

type Stdio = "inherit" | "ignore" | "pipe" | number;

/** Returns the descriptors of a chain: see {@link Launch}. */
export function chainStdio(stdio: "inherit" | "capture", descriptors: readonly number[] = []): Stdio[] {
  return [...(stdio === "inherit" ? standardFiles() : CAPTURED), "pipe", "pipe", ...descriptors];
}

/**
 * Writes the secrets to descriptor 3, from which `apply-seccomp` reads them. When the chain ends before that, its exit
 * code says why.
 */
export function writeSecrets(child: ChildProcess, secrets = ""): void {
  const pipe = child.stdio[3] as Writable;
  pipe.on("error", () => {});
  pipe.end(secrets);
}

/** Maximum length of a mark: a number of nanoseconds and the end of its line. */
const MARK_LIMIT = 32;

/**
 * Listens for the mark that `apply-seccomp` leaves on descriptor 4 when the command starts. No process of the session's
 * has that descriptor. Even so, no more is read than the length of a mark.
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

/** Reads an output to its end. Its text does not tell if it was cut: a byte that is no UTF-8 becomes a character of three. */
export async function collect(
  stream: Readable | null,
  onOutput?: CommandRun["onOutput"],
): Promise<{ readonly text: string; readonly cut: boolean }> {
  if (stream === null) return { text: "", cut: false };
  if (onOutput !== undefined) {
    for await (const chunk of stream as AsyncIterable<Buffer>) await onOutput(chunk);
    return { text: "", cut: false };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // Read and drop the output above the limit: the command must not block.
    if (size < CAPTURE_LIMIT) chunks.push(chunk.subarray(0, CAPTURE_LIMIT - size));
    size += chunk.length;
  }
  return { text: Buffer.concat(chunks).toString("utf8"), cut: size > CAPTURE_LIMIT };
}
