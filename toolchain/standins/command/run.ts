import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import type { CommandInputs } from "./inputs.ts";

export interface Outputs {
  readonly stdout: string;
  readonly stderr: string;
}

/** Process groups of the commands that run now, by the id of their leader. */
const running = new Set<number>();
let cancelled = false;

/**
 * Runs one command to its end.
 *
 * @param previous the outputs of the run before, handed on as PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR
 * @param log hears each line of what is to be logged, as it comes
 * @throws with exit code or signal, the command, and all it wrote, in the original's words
 */
export async function runCommand(
  command: string,
  inputs: CommandInputs,
  previous: Outputs,
  log: (line: string) => void,
): Promise<Outputs> {
  if (cancelled) throw new Error(`cancelled before running ${JSON.stringify(command)}`);
  const interpreter = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const [file = "", ...args] = [...interpreter, command];
  const cwd = inputs.dir ?? process.cwd();
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`chdir ${cwd}: no such directory: running ${JSON.stringify(command)}:\n`);
  }
  const handOn = inputs.addPreviousOutputInEnv ?? true;
  const child = spawn(file, args, {
    cwd,
    // A process group of its own, so that cancelling ends all that the command started.
    detached: true,
    stdio: [inputs.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...inputs.environment,
      ...(handOn && previous.stdout ? { PULUMI_COMMAND_STDOUT: previous.stdout } : {}),
      ...(handOn && previous.stderr ? { PULUMI_COMMAND_STDERR: previous.stderr } : {}),
    },
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  // A command that ends without reading its input is no failure.
  child.stdin?.on("error", () => {});
  child.stdin?.end(inputs.stdin);

  const both: Buffer[] = [];
  const lines = new Lines(log);
  const logging = inputs.logging ?? "stdoutAndStderr";
  const collect = (stream: "stdout" | "stderr"): Buffer[] => {
    const chunks: Buffer[] = [];
    const isLogged = logging === stream || logging === "stdoutAndStderr";
    child[stream]?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      both.push(chunk);
      if (isLogged) lines.add(chunk);
    });
    return chunks;
  };
  const stdout = collect("stdout");
  const stderr = collect("stderr");
  const end = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ? `signal: ${signal}` : code ? `exit status ${code}` : ""));
  });
  if (pid !== undefined) running.delete(pid);
  lines.flush();
  if (end) throw new Error(`${end}: running ${JSON.stringify(command)}:\n${Buffer.concat(both).toString("utf8")}`);
  return { stdout: textOf(stdout), stderr: textOf(stderr) };
}

/** Kills every running command with all it started in its process group; from now on none is started. */
export function cancelAll(): void {
  cancelled = true;
  for (const pid of running) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
}

/** The text without its last line break, as a shell's $(...) gives it, but only one. */
function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8").replace(/\n$/, "");
}

/** Hands on whole lines, however they are cut into chunks. */
class Lines {
  readonly #log: (line: string) => void;
  #rest = Buffer.alloc(0);

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  add(chunk: Buffer): void {
    const data = Buffer.concat([this.#rest, chunk]);
    const end = data.lastIndexOf(0x0a);
    this.#rest = data.subarray(end + 1);
    if (end < 0) return;
    for (const line of data.subarray(0, end).toString("utf8").split("\n")) this.#log(line.replace(/\r$/, ""));
  }

  flush(): void {
    if (this.#rest.length > 0) this.#log(this.#rest.toString("utf8"));
    this.#rest = Buffer.alloc(0);
  }
}
