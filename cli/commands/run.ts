import { type AgentOptions, parseAgent } from "../../guest/agent/command-line.ts";
import { agentCommand } from "../../guest/agent/settings.ts";
import { mergePolicy } from "../../guest/policy/merge.ts";
import { parseRun, type RunOptions, toWords } from "../../guest/run/options.ts";
import type { SealedRun } from "../../guest/run/request.ts";
import { UsageError } from "../errors.ts";
import type { ExecOptions } from "../transport.ts";
import { type Chosen, reach } from "./chosen.ts";

/** Options of `cloister run`: those of the machine's own `cloister run`, and `tty`. */
export interface OperatorRunOptions extends RunOptions {
  readonly tty?: boolean;
}

/**
 * `cloister run`: the machine's own `cloister run`, with this process's streams. A wrong command line is refused before
 * anything is asked, started or connected.
 *
 * @returns its exit code
 */
export async function run(
  chosen: () => Chosen,
  command: readonly string[],
  { json = false, tty = false, ...options }: OperatorRunOptions,
): Promise<number> {
  const merged = await withPolicy(options);
  const parsed = parseRun(command, merged.options, process.env, merged.problems);
  const meant = chosen();
  if (tty && !process.stdin.isTTY) throw new UsageError("--tty needs a terminal on this side as well.");
  return await carryOut(meant, parsed, { json, tty, stdin: process.stdin });
}

/** `cloister agent`: Claude Code in a sealed session. On a terminal and without a prompt a person talks to it. */
export async function agent(
  chosen: () => Chosen,
  words: readonly string[],
  rawArgs: readonly string[],
  options: RunOptions & AgentOptions,
): Promise<number> {
  const terminal = process.stdin.isTTY ?? false;
  const task = parseAgent(words, rawArgs, options, terminal);
  const merged = await withPolicy(options);
  const parsed = parseRun(agentCommand(task), { ...merged.options, agent: true }, process.env, merged.problems);
  // The prompt is complete: we do not read more input from the terminal.
  const silent = terminal && !task.interactive;
  return await carryOut(chosen(), parsed, { tty: task.interactive, ...(silent ? {} : { stdin: process.stdin }) });
}

/** Sessions see folders of their machine, wherever the policy file is. */
const ELSEWHERE = {
  none: "sessions see folders of their machine: write an absolute path there, or --mount DIR:NAME:MODE",
};

/** Puts the policy file of `--policy`, a file of this computer, into the options. */
export async function withPolicy<T extends RunOptions>(options: T) {
  if (options.policy === undefined) return { options, problems: [] };
  const { readPolicyFile } = await import("../../guest/policy/read.ts");
  return mergePolicy(options, options.policy, await readPolicyFile(options.policy, ELSEWHERE));
}

async function carryOut(
  chosen: Chosen,
  run: SealedRun,
  {
    json = false,
    tty,
    stdin,
  }: { readonly json?: boolean; readonly tty: boolean; readonly stdin?: ExecOptions["stdin"] },
): Promise<number> {
  const { transport } = await reach(chosen);
  const { words, environment } = toWords(run, { json });
  return await transport.exec(words, {
    environment,
    ...(stdin === undefined ? {} : { stdin }),
    stdout: process.stdout,
    stderr: process.stderr,
    signals: true,
    ...(tty ? { tty } : {}),
  });
}
