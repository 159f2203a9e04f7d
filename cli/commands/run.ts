import { UsageError } from "../errors.ts";
import { type Chosen, reach } from "./chosen.ts";

/** Options of `cloister run`: those of the machine's own `cloister run` (`guest/cli/main.ts`), and `tty`. */
export interface RunOptions {
  readonly allow: readonly string[];
  readonly mount: readonly string[];
  readonly env: readonly string[];
  readonly name?: string;
  readonly keep?: boolean;
  readonly cwd?: string;
  readonly agent?: boolean;
  readonly timeout?: string;
  readonly json?: boolean;
  readonly tty?: boolean;
}

/** `cloister run`: what the machine's own `cloister run` does, with this process's streams. @returns its exit code */
export async function run(chosen: Chosen, command: readonly string[], options: RunOptions): Promise<number> {
  if (options.tty && !process.stdin.isTTY) throw new UsageError("--tty needs a terminal on this side as well.");
  const { transport } = await reach(chosen);
  return await transport.exec(sealedCommand(command, options), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: true,
    ...(options.tty ? { tty: true } : {}),
  });
}

/** The command line on the machine. */
export function sealedCommand(command: readonly string[], options: RunOptions): string[] {
  const each = (option: string, values: readonly string[]) => values.map((value) => `${option}=${value}`);
  const one = (option: string, value: string | undefined) => (value === undefined ? [] : [`${option}=${value}`]);
  const flag = (option: string, set: boolean | undefined) => (set ? [option] : []);
  return [
    "cloister",
    "run",
    // One word each: a value may begin with a dash.
    ...each("--allow", options.allow),
    ...each("--mount", options.mount),
    ...each("--env", options.env),
    ...one("--name", options.name),
    ...one("--cwd", options.cwd),
    ...one("--timeout", options.timeout),
    ...flag("--keep", options.keep),
    ...flag("--agent", options.agent),
    ...flag("--json", options.json),
    "--",
    ...command,
  ];
}
