import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exitCode } from "../lib/exec.ts";
import type { Launch } from "../sandbox/bwrap.ts";
import { SessionFailed } from "../sessions/request.ts";
import { CAPTURE_LIMIT, type Output } from "./result.ts";
import { type StandardFiles, standardFiles, writerTo } from "./standard-files.ts";

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

const CAPTURED: StandardFiles = { stdio: ["ignore", "pipe", "pipe"], together: false };

/** Begins a chain whose two outputs are one. The shell becomes the chain's first program: it stays no process. */
const BOTH_IN_ONE = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh"] as const;

/** Time for which outputs may stay open after the end of the chain. Milliseconds. */
const LINGERING_MS = 1_000;

/** Runs a command to its end. An abort or the end of its time kills it; even then this function waits for its end. */
export async function runCommand(run: CommandRun): Promise<Output> {
  const { command, stdio, kill, outOfMemoryKills, signal, timeoutMs } = run;
  const files = stdio === "inherit" ? standardFiles() : CAPTURED;
  const [program = "", ...args] = files.together ? [...BOTH_IN_ONE, ...command] : command;
  const child = spawn(program, args, {
    stdio: chainStdio(files, run.descriptors),
    // bubblewrap is looked up here; the command's own environment is made further down.
    env: { PATH: process.env["PATH"] },
    cwd: "/",
    // A Ctrl-C at the terminal reaches the supervisor only, which ends the session in order.
    detached: true,
  });
  writeSecrets(child, run.secrets);
  if (child.stdin) passInput(child.stdin);
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
    const failure = stdout.failure ?? stderr.failure;
    if (failure !== undefined) {
      const { message } = failure as Error;
      const last = EXIT_CODES[ended ?? ""] ?? code;
      throw new SessionFailed(`the command's output could not be passed on: ${message}. It ended with ${last}`, {
        code: "CLOISTER_E_OUTPUT_LOST",
        cause: failure,
      });
    }
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

type Stdio = StandardFiles["stdio"][number] | number;

/** Returns the descriptors of a chain: see {@link Launch}. Both outputs are caught by default. */
export function chainStdio({ stdio }: StandardFiles = CAPTURED, descriptors: readonly number[] = []): Stdio[] {
  return [...stdio, "pipe", "pipe", ...descriptors];
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

/** Passes this process's standard input on, from where it is now. A command may end before it has read all. */
function passInput(into: Writable): void {
  pipeline(createReadStream("", { fd: 0, autoClose: false }), into).catch(() => {});
}

interface Collected {
  readonly text: string;
  readonly cut: boolean;
  /** Why not all was read or passed on. The command cannot write any more then, and is waited for all the same. */
  readonly failure?: unknown;
}

/** Reads an output to its end. Its text does not tell if it was cut: a byte that is no UTF-8 becomes a character of three. */
export async function collect(stream: Readable | null, onOutput?: CommandRun["onOutput"]): Promise<Collected> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of (stream ?? []) as AsyncIterable<Buffer>) {
      if (onOutput !== undefined) await onOutput(chunk);
      // Read and drop the output above the limit: the command must not block.
      else {
        if (size < CAPTURE_LIMIT) chunks.push(chunk.subarray(0, CAPTURE_LIMIT - size));
        size += chunk.length;
      }
    }
  } catch (failure) {
    return { text: "", cut: false, failure };
  }
  return { text: Buffer.concat(chunks).toString("utf8"), cut: size > CAPTURE_LIMIT };
}
