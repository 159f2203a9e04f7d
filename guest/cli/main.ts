import { Command, CommanderError, InvalidArgumentError } from "commander";
import { VERSION } from "../../contract/version.ts";
import { auditCommand } from "../egress/audit-command.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { runSealed } from "../run/run.ts";
import { parseMount } from "../sessions/mounts.ts";
import { checkName } from "../sessions/names.ts";
import { type MountRequest, RunRefused, type RunResult, SessionFailed } from "../sessions/request.ts";
import { removeSession } from "../sessions/session.ts";
import { reportCommand, verifyCommand } from "../verify/command.ts";
import { registerTrash } from "./trash.ts";

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
  keep?: boolean;
  timeout?: number;
  json?: boolean;
}

const collect = (value: string, previous: string[]) => [...previous, value];

const seconds = (text: string) => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("write a number of seconds above 0.");
  return value;
};

const program = new Command("cloister")
  .version(VERSION)
  .description("Sealed sessions on this machine.")
  .enablePositionalOptions()
  .showHelpAfterError("(cloister COMMAND --help shows what can be written)")
  .exitOverride((error) => {
    throw error;
  });

program
  .command("run")
  .description("Runs one command in a sealed session and passes its exit code on.")
  .argument("<command...>", "program and arguments, after --")
  .option("--allow <host[:port]>", "a host the session may reach; can be given several times", collect, [])
  .option(
    "--mount <dir:name:mode>",
    "shows DIR as mnt/NAME: ro, rw (what was there before cannot be deleted), rwd or trash; can be given several times",
    collect,
    [],
  )
  .option("--name <session>", "the session's name; its home is kept and used again (default: a random name)")
  .option("--keep", "keeps the session's home and user")
  .option("--env <name=value>", "a variable for the command; can be given several times", collect, [])
  .option("--cwd <dir>", "working directory inside (default: the session's home)")
  .option("--agent", "opens the way to the model; completes `claude -p PROMPT`")
  .option("--timeout <seconds>", "ends the command after this time", seconds)
  .option("--json", "catches the output and prints one JSON object about the run")
  .passThroughOptions()
  .action(async (command: string[], options: RunOptions) => {
    process.exitCode = await runCommand(command, options);
  });

program
  .command("remove")
  .description("Removes a kept session for good: its home with everything in it, and its user.")
  .argument("<session>")
  .action(async (name: string) => {
    const wrong = checkName(name);
    if (wrong !== undefined) throw new RunRefused([wrong.replace(/^--name /, "")]);
    const problems = await removeSession(name);
    if (problems.length > 0) throw new SessionFailed(problems.join("\n"));
  });

program
  .command("verify")
  .description("Holds this machine and a live session against the reference, row by row.")
  .option("--json", "prints the report as JSON", false)
  .option(
    "--boot",
    "as at boot: leaves the report in /run/cloister and says on the console whether the machine is ready",
    false,
  )
  .action(async (options: { json: boolean; boot: boolean }) => {
    process.exitCode = await verifyCommand(options);
  });

program
  .command("report")
  .description("Prints what this boot's verification found, as JSON, and whether sealed commands are taken.")
  .action(async () => {
    process.exitCode = await reportCommand();
  });

program
  .command("audit")
  .description("Prints the audit log: what sessions asked of the network, one JSON object a line.")
  .option("--session <name>", "of one session only")
  .option("--since <time>", "as journalctl takes it, such as -1h or 2026-01-12")
  .option("--follow", "goes on with what is asked from then on", false)
  .action(async ({ session, since, follow }: { session?: string; since?: string; follow: boolean }) => {
    const wrong = session === undefined ? undefined : checkName(session);
    if (wrong !== undefined) throw new RunRefused([wrong.replace(/^--name /, "--session ")]);
    process.exitCode = await auditCommand({ session, since, follow });
  });

registerTrash(program);

async function runCommand(command: string[], options: RunOptions): Promise<number> {
  // Every user of the machine may read what processes are called with: values of --env are nobody else's.
  process.title = "cloister run";
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
  try {
    const result = await runSealed({
      command,
      allow: options.allow,
      mounts,
      environment,
      signal: stopped.signal,
      stdio: options.json ? "capture" : "inherit",
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.keep === undefined ? {} : { keep: options.keep }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.agent === undefined ? {} : { agent: options.agent }),
      ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 }),
    });
    report(result, options);
    if (signalled !== undefined) return SIGNAL_EXITS[signalled] ?? EXIT.failed;
    // The command did well, the machine did not: something of the session is still there.
    return result.exitCode === 0 && result.problems.length > 0 ? EXIT.failed : result.exitCode;
  } catch (error) {
    if (signalled === undefined) throw error;
    return SIGNAL_EXITS[signalled] ?? EXIT.failed;
  }
}

/** Of what was written wrongly in any option, everything is told in one round. */
function parseLists({ mount, env }: RunOptions) {
  const problems: string[] = [];
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
    else problems.push(`--env ${JSON.stringify(text)}: write NAME=VALUE`);
  }
  return { mounts, environment, problems };
}

const WHY: Readonly<Record<string, string>> = {
  "oom-kill": "the session ran out of memory, and everything in it was killed",
  timeout: "the command's time was over, and everything in the session was killed",
};

function report(result: RunResult, { json, keep }: RunOptions): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  const why = WHY[result.unitResult ?? ""];
  if (why !== undefined) say(why);
  if (keep) say(`the session ${result.session} is kept; run it again with --name ${result.session}`);
  told(result, "denied", "denied by the session's network policy");
  told(result, "failed", "allowed, and not reached");
}

/** Names what was asked for in vain, each once. */
function told({ decisions }: RunResult, verdict: EgressDecision["verdict"], what: string): void {
  const asked = new Set(
    decisions.flatMap((row) => (row.verdict === verdict ? [`${row.host}:${row.port} (${row.reason})`] : [])),
  );
  if (asked.size > 0) say(`${what}: ${[...asked].slice(0, 10).join(", ")}`);
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
  // Commander has printed its own messages, help among them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.refused;
  if (error instanceof RunRefused) {
    say(error.message);
    return EXIT.refused;
  }
  if (error instanceof SessionFailed) {
    say(error.message);
    return EXIT.failed;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failed;
}
