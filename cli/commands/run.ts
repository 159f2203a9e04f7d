import { type AgentOptions, parseAgent } from "../../guest/agent/command-line.ts";
import { agentCommand } from "../../guest/agent/settings.ts";
import { mergePolicy } from "../../guest/policy/merge.ts";
import { parseRun, type RunOptions, toWords } from "../../guest/run/options.ts";
import type { SealedRun } from "../../guest/run/request.ts";
import { OperatorError, UsageError } from "../errors.ts";
import { rememberSessions } from "../known-names.ts";
import { passOn } from "../pass-on.ts";
import type { ExecOptions } from "../transport.ts";
import { type Chosen, type Reached, reach } from "./chosen.ts";
import { type SyncedFolder, syncAndTell, syncedFolder, syncReached } from "./sync.ts";

/** The option that copies a folder in and its changes back. */
export interface HereOption {
  readonly here?: boolean;
}

/** Options of `cloister run`: those of the machine's own `cloister run`, and some of this side. */
export interface OperatorRunOptions extends RunOptions, HereOption {
  readonly tty?: boolean;
  readonly detach?: boolean;
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
  { json = false, tty = false, here = false, detach = false, ...options }: OperatorRunOptions,
): Promise<number> {
  if (detach && (tty || here || json)) {
    throw new UsageError("--detach goes on by itself: leave out --tty, --here and --json.");
  }
  const folder = here ? await syncedFolder(".") : undefined;
  const merged = await withPolicy(options);
  const parsed = parseRun(command, withFolder(merged.options, folder), process.env, merged.problems);
  const meant = chosen();
  if (tty && !process.stdin.isTTY) throw new UsageError("--tty needs a terminal on this side as well.");
  return await carryOut(meant, parsed, { json, tty, detach, ...(detach ? {} : { stdin: process.stdin }), folder });
}

/** Shows the folder's copy to the session, and works in it. */
function withFolder(options: RunOptions, folder: SyncedFolder | undefined): RunOptions {
  if (folder === undefined) return options;
  const { there, name } = folder;
  // git and builds delete files: what a session deletes is kept aside when the changes come back.
  return { ...options, mount: [...options.mount, `${there}:${name}:rwd`], cwd: options.cwd ?? `mnt/${name}` };
}

/** `cloister agent`: Claude Code in a sealed session. On a terminal and without a prompt a person talks to it. */
export async function agent(
  chosen: () => Chosen,
  words: readonly string[],
  rawArgs: readonly string[],
  { here = false, ...options }: RunOptions & AgentOptions & HereOption,
): Promise<number> {
  const terminal = process.stdin.isTTY ?? false;
  const task = parseAgent(words, rawArgs, options, terminal);
  const folder = here ? await syncedFolder(".") : undefined;
  const merged = await withPolicy(options);
  const parsed = parseRun(
    agentCommand(task),
    { ...withFolder(merged.options, folder), agent: true },
    process.env,
    merged.problems,
  );
  // The prompt is complete: we do not read more input from the terminal.
  const silent = terminal && !task.interactive;
  return await carryOut(chosen(), parsed, {
    tty: task.interactive,
    folder,
    ...(silent ? {} : { stdin: process.stdin }),
  });
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

/** For completion: the session is kept. */
function remember({ stack, machine }: Reached, name: string): void {
  rememberSessions({ stack: stack.name, machine: machine.name }, (known) => [...known, name]);
}

async function carryOut(
  chosen: Chosen,
  run: SealedRun,
  {
    json = false,
    detach = false,
    tty,
    stdin,
    folder,
  }: {
    readonly json?: boolean;
    readonly detach?: boolean;
    readonly tty: boolean;
    readonly stdin?: ExecOptions["stdin"];
    readonly folder: SyncedFolder | undefined;
  },
): Promise<number> {
  const reached = await reach(chosen);
  const { transport } = reached;
  if (folder !== undefined && (await syncAndTell(reached, folder)).plan.conflicts.length > 0) {
    throw new OperatorError("there are conflicts between the folder and its copy: settle them, then run it again.", {
      code: "CLOISTER_E_SYNC_CONFLICT",
    });
  }
  if (run.name !== undefined) remember(reached, run.name);
  const { words, environment } = toWords(run, { json, detach });
  const options = { environment, signals: true, ...(stdin === undefined ? {} : { stdin }) };
  const { stdout, stderr } = process;
  // With --tty the operator lends the session this terminal. Without it a session's output must not steer it.
  const code = tty
    ? await transport.exec(words, { ...options, stdout, stderr, tty })
    : await passOn(transport, words, { stdout, stderr }, options, true);
  // Also the changes of a command that failed come back.
  const synced = folder === undefined ? 0 : await syncReached(reached, folder);
  return code === 0 ? synced : code;
}
