import { spawn } from "node:child_process";
import { constants } from "node:os";

/** The result of a finished program. */
export interface Finished {
  /** Exit code; 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of the machine failed. The message says which program, how it ended and what it printed. */
export class CommandFailed extends Error {
  readonly command: readonly string[];
  readonly finished: Finished;

  constructor(command: readonly string[], finished: Finished) {
    const said = finished.stderr.trim() || finished.stdout.trim() || "it said nothing";
    super(`${command.join(" ")}: ended with ${finished.code}: ${said}`);
    this.name = "CommandFailed";
    this.command = command;
    this.finished = finished;
  }
}

/**
 * Runs a program to its end and returns its result, also when its exit code is not 0. Its input is empty. A Ctrl-C at
 * the terminal does not reach it: a program that makes or removes a session must not be interrupted.
 *
 * It uses Node's own `spawn`: loading execa takes a second on an emulated machine, and this is the first thing needed.
 *
 * @throws when the program cannot be started
 */
export function tryRun(command: readonly string[]): Promise<Finished> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const text = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text.stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text.stderr += chunk;
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new Error(`${program}: not found on this machine`) : error);
    });
    child.once("close", (code, signal) => resolve({ code: exitCode(code, signal), ...text }));
  });
}

/** Like {@link tryRun}, but anything except exit code 0 is an error. */
export async function run(command: readonly string[]): Promise<Finished> {
  const finished = await tryRun(command);
  if (finished.code !== 0) throw new CommandFailed(command, finished);
  return finished;
}

/** A child's end as a shell would report it. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
}
