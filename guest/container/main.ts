import { Command, CommanderError, InvalidArgumentError } from "commander";
import type { Problem } from "../../contract/problem.ts";
import { type EgressDecision, hostsWith } from "../egress/decision.ts";
import { parseMount } from "../sessions/mounts.ts";
import { type MountRequest, RunRefused, SessionFailed } from "../sessions/request.ts";
import { readRows } from "./audit.ts";
import { lookAtContainer } from "./look.ts";
import { judgeContainer, lackingProblem } from "./promises.ts";
import { type ContainedResult, runContained } from "./run.ts";

/** Exit codes of the command itself; a sealed command's own code is passed on. */
const EXIT = { failed: 125, refused: 2 } as const;

/** 128 + the signal's number, as a shell reports it. */
const SIGNAL_EXITS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

interface RunOptions {
  allow: string[];
  mount: string[];
  env: string[];
  name?: string;
  cwd?: string;
  agent?: boolean;
  model?: string;
  timeout?: number;
  json?: boolean;
  acceptWeaker: boolean;
}

const collect = (value: string, previous: string[]) => [...previous, value];

const seconds = (text: string) => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("write a number of seconds above 0.");
  return value;
};

const WEAKER = "--accept-weaker";
const WEAKER_MEANS = "goes on where the container lacks something that can be done without, and says so every time";

const program = new Command("cloister")
  .description("Sealed sessions in this container.")
  .enablePositionalOptions()
  .exitOverride((error) => {
    throw error;
  });

program
  .command("run")
  .description("Runs one command in a sealed session and passes its exit code on.")
  .argument("<command...>", "program and arguments, after --")
  .option("--allow <host[:port]>", "a host the session may reach; can be given several times", collect, [])
  .option("--mount <dir:name:mode>", "shows DIR of this container as mnt/NAME: ro, rw, rwd or trash", collect, [])
  .option("--name <session>", "the session's name (default: a random name)")
  .option("--env <name=value>", "a variable for the command; can be given several times", collect, [])
  .option("--cwd <dir>", "working directory inside (default: the session's home)")
  .option("--agent", "opens the way to the model; completes `claude -p PROMPT`")
  .option("--model <name>", "the model that --agent asks for")
  .option("--timeout <seconds>", "ends the command after this time", seconds)
  .option("--json", "catches the output and prints one JSON object about the run")
  .option(WEAKER, WEAKER_MEANS, process.env["CLOISTER_ACCEPT_WEAKER"] === "1")
  .passThroughOptions()
  .action(async (command: string[], options: RunOptions) => {
    process.exitCode = await runCommand(command, options);
  });

program
  .command("check")
  .description("Looks whether the engine gave this container what it should have: the image's health check.")
  .option(WEAKER, WEAKER_MEANS, process.env["CLOISTER_ACCEPT_WEAKER"] === "1")
  .action(async ({ acceptWeaker }: { acceptWeaker: boolean }) => {
    const { problems, weaker } = judgeContainer(await lookAtContainer(), acceptWeaker);
    for (const line of weaker) say(`weaker than it should be: ${line}`);
    if (problems.length > 0) throw new RunRefused(problems.map(lackingProblem));
  });

program
  .command("verify")
  .description("Holds this container and live sessions against the reference, row by row.")
  .option("--json", "prints the report as JSON", false)
  .option("--quick", "leaves out the run of the agent", false)
  .option(WEAKER, WEAKER_MEANS, process.env["CLOISTER_ACCEPT_WEAKER"] === "1")
  .action(async (options: { json: boolean; quick: boolean; acceptWeaker: boolean }) => {
    const { verifyContainer } = await import("./verify.ts");
    const report = await verifyContainer(options.quick ? "quick" : "full", options.acceptWeaker);
    if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else {
      const { printReport } = await import("../verify/table.ts");
      process.stdout.write(`${printReport(report, { width: process.stdout.columns ?? 120 })}\n`);
    }
    process.exitCode = report.ok ? 0 : 1;
  });

program
  .command("audit")
  .description("Prints what sessions of this container asked of the network, one JSON object a line.")
  .option("--session <name>", "of one session only")
  .action(async ({ session }: { session?: string }) => {
    for (const row of await readRows(session)) process.stdout.write(`${JSON.stringify(row)}\n`);
  });

async function runCommand(command: string[], options: RunOptions): Promise<number> {
  const { mounts, environment, problems } = parseLists(options);
  if (problems.length > 0) throw new RunRefused(problems);
  const stopped = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signalled ??= signal;
      stopped.abort();
    });
  }
  const settings = options.model === undefined ? {} : { model: options.model };
  const { AgentSettings } = await import("../../contract/machine.ts");
  try {
    const result = await runContained({
      command,
      allow: options.allow,
      mounts,
      environment,
      signal: stopped.signal,
      stdio: options.json ? "capture" : "inherit",
      acceptWeaker: options.acceptWeaker,
      agentSettings: AgentSettings.parse(settings),
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.agent === undefined ? {} : { agent: options.agent }),
      ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 }),
    });
    report(result, options);
    if (signalled !== undefined) return SIGNAL_EXITS[signalled] ?? EXIT.failed;
    return result.exitCode === 0 && result.problems.length > 0 ? EXIT.failed : result.exitCode;
  } catch (error) {
    if (signalled === undefined) throw error;
    return SIGNAL_EXITS[signalled] ?? EXIT.failed;
  }
}

/** Parses the options that are lists. It collects all problems, so that they are reported at once. */
function parseLists({ mount, env }: RunOptions) {
  const problems: Problem[] = [];
  const mounts: MountRequest[] = [];
  for (const text of mount) {
    const parsed = parseMount(text);
    if ("problem" in parsed) problems.push(parsed.problem);
    else mounts.push(parsed);
  }
  const environment: Record<string, string> = {};
  for (const text of env) {
    const at = text.indexOf("=");
    if (at > 0) environment[text.slice(0, at)] = text.slice(at + 1);
    else problems.push({ code: "CLOISTER_E_ENV", subject: "environment", value: text, message: "write NAME=VALUE" });
  }
  return { mounts, environment, problems };
}

const WHY: Readonly<Record<string, string>> = {
  "oom-kill": "the container ran out of memory, and something in it was killed",
  timeout: "the command's time was over, and everything in the session was killed",
};

function report(result: ContainedResult, { json }: RunOptions): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  const why = WHY[result.unitResult ?? ""];
  if (why !== undefined) say(why);
  told(result.decisions, "denied", "denied by the session's network policy");
  told(result.decisions, "failed", "allowed, and not reached");
}

/** Prints the hosts that were not reached, each once. */
function told(decisions: readonly EgressDecision[], verdict: EgressDecision["verdict"], what: string): void {
  const asked = hostsWith(decisions, verdict);
  if (asked.length > 0) say(`${what}: ${asked.slice(0, 10).join(", ")}`);
}

function say(line: string): void {
  process.stderr.write(`cloister: ${line}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}

function fail(error: unknown): number {
  // Commander has already printed its own messages, including the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.refused;
  if (error instanceof RunRefused || error instanceof SessionFailed) {
    say(error.message);
    return error instanceof RunRefused ? EXIT.refused : EXIT.failed;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failed;
}
