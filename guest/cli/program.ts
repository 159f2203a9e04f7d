import { Command } from "commander";
import { VERSION } from "../../contract/version.ts";
import { type AgentOptions, addAgentOptions, parseAgent } from "../agent/command-line.ts";
import { agentCommand } from "../agent/settings.ts";
import { mergePolicy } from "../policy/merge.ts";
import { addRunOptions, DETACH, type RunOptions, takeCarried } from "../run/options.ts";
import { registerKey } from "./key.ts";
import { parseHere } from "./parse.ts";
import { runCommand } from "./run.ts";
import { registerSessions } from "./sessions.ts";
import { SUPERVISE } from "./supervise.ts";
import { registerTrash } from "./trash.ts";

/** The machine's own command. */
export function machineProgram(): Command {
  const program = new Command("cloister")
    .version(VERSION, "-V, --version", "prints the version")
    .description("Sealed sessions on this machine.")
    .enablePositionalOptions()
    .showHelpAfterError("(cloister COMMAND --help shows what can be written)")
    .exitOverride((error) => {
      throw error;
    });

  addRunOptions(
    program
      .command("run")
      .description("Runs one command in a sealed session and passes its exit code on.")
      .argument("<command...>", "program and arguments, after --"),
  )
    .option(...DETACH)
    .passThroughOptions()
    .action(async (command: string[], { detach = false, ...options }: RunOptions & { detach?: boolean }) => {
      hideWords();
      const merged = await withPolicy(options);
      const run = await parseHere(command, merged.options, callersEnvironment(), merged.problems);
      if (detach) process.exitCode = await (await import("./detached.ts")).runDetached(run);
      else process.exitCode = await runCommand(run, options.json);
    });
  program.command(SUPERVISE, { hidden: true }).action(async () => {
    hideWords();
    process.exitCode = await (await import("./detached.ts")).superviseDetached();
  });

  addRunOptions(
    addAgentOptions(program.command("agent").description("Lets the agent do a task in a sealed session.")),
    "agent",
  ).action(async (_prompt: string | undefined, _flags: string[], options: RunOptions & AgentOptions, self: Command) => {
    hideWords();
    const task = parseAgent(self.args, process.argv.slice(2), options, process.stdin.isTTY ?? false);
    const merged = await withPolicy(options);
    const request = { ...merged.options, agent: true };
    const run = await parseHere(agentCommand(task), request, callersEnvironment(), merged.problems);
    process.exitCode = await runCommand(run);
  });

  registerSessions(program);
  program
    .command("logs")
    .description("Prints the output of a session's detached run.")
    .argument("<session>")
    .option("-f, --follow", "goes on until the run has ended", false)
    .action(async (name: string, options: { follow: boolean }) => {
      process.exitCode = await (await import("./logs.ts")).logsCommand(name, options);
    });
  registerKey(program);

  program
    .command("verify")
    .description("Holds this machine and a live session against the reference, row by row.")
    .option("--json", "prints the report as JSON", false)
    .option("--all-rows", "prints every row, not only those that differ", false)
    .option(
      "--boot",
      "as at boot: leaves the report in /run/cloister and says on the console whether the machine is ready",
      false,
    )
    .action(async (options: { json: boolean; boot: boolean; allRows: boolean }) => {
      process.exitCode = await (await import("../verify/command.ts")).verifyCommand(options);
    });

  program
    .command("report")
    .description("Prints what this boot's verification found, as JSON, and whether sealed commands are taken.")
    .action(async () => {
      process.exitCode = await (await import("../verify/command.ts")).reportCommand();
    });

  program
    .command("audit")
    .description("Prints the audit log: what sessions asked of the network, one JSON object a line.")
    .option("--session <name>", "of one session only")
    .option("--since <time>", "as journalctl takes it, such as -1h or 2026-01-12")
    .option("--denied", "only what was denied", false)
    .option("--follow", "goes on with what is asked from then on", false)
    .action(async (options: { session?: string; since?: string; denied: boolean; follow: boolean }) => {
      (await import("../egress/audit-read.ts")).checkReading(options);
      process.exitCode = await (await import("../egress/audit-command.ts")).auditCommand(options);
    });

  registerTrash(program);
  return program;
}

/** Puts the policy file of `--policy` into the options. Only then is the module loaded that reads YAML. */
async function withPolicy(options: RunOptions) {
  if (options.policy === undefined) return { options, problems: [] };
  const { readPolicyFile } = await import("../policy/read.ts");
  return mergePolicy(options, options.policy, await readPolicyFile(options.policy));
}

/** Hides the command line: every user of the machine may read the arguments of processes, and these are private. */
function hideWords(): void {
  process.title = "cloister run";
}

/**
 * Returns the variables in which `--env NAME` looks for its value: first those that the operator's command sent along,
 * then those of this process.
 */
function callersEnvironment(): NodeJS.ProcessEnv {
  const carried = takeCarried(process.env);
  return { ...process.env, ...carried };
}
