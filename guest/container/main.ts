import "./early.ts";
import { Command } from "commander";
import { type AgentOptions, addAgentOptions, parseAgent } from "../agent/command-line.ts";
import { agentCommand } from "../agent/settings.ts";
import { say } from "../cli/exit.ts";
import { registerKey } from "../cli/key.ts";
import { parseHere } from "../cli/parse.ts";
import { settle } from "../cli/settle.ts";
import { mergePolicy } from "../policy/merge.ts";
import { addRunOptions, type RunOptions, takeCarried } from "../run/options.ts";
import type { SealedRun } from "../run/request.ts";
import { tell, untilSignalled } from "../run/tell.ts";
import { RunRefused } from "../sessions/request.ts";
import { readRows } from "./audit.ts";
import { lookAtContainer } from "./look.ts";
import { judgeContainer, lackingProblem } from "./promises.ts";
import { runContained } from "./run.ts";

interface Weaker {
  readonly acceptWeaker: boolean;
}

/** The option that all commands have which look at the container first. */
const weaker = (command: Command) =>
  command.option(
    "--accept-weaker",
    "goes on where the container lacks something that can be done without, and says so every time",
    process.env["CLOISTER_ACCEPT_WEAKER"] === "1",
  );

const program = new Command("cloister")
  .description("Sealed sessions in this container.")
  .enablePositionalOptions()
  .showHelpAfterError("(cloister COMMAND --help shows what can be written)")
  .exitOverride((error) => {
    throw error;
  });

weaker(
  addRunOptions(
    program
      .command("run")
      .description("Runs one command in a sealed session and passes its exit code on.")
      .argument("<command...>", "program and arguments, after --"),
  ),
)
  .passThroughOptions()
  .action(async (command: string[], options: RunOptions & Weaker) => {
    await runCommand((merged, before) => parseHere(command, merged, callersEnvironment(), before), options);
  });

weaker(
  addRunOptions(
    addAgentOptions(program.command("agent").description("Lets the agent do a task in a sealed session.")),
    "agent",
  ),
).action(
  async (_prompt: string | undefined, _flags: string[], options: RunOptions & AgentOptions & Weaker, self: Command) => {
    const task = parseAgent(self.args, process.argv.slice(2), options, process.stdin.isTTY ?? false);
    await runCommand(
      (merged, before) => parseHere(agentCommand(task), { ...merged, agent: true }, callersEnvironment(), before),
      options,
    );
  },
);

weaker(program.command("check"))
  .description("Looks whether the engine gave this container what it should have: the image's health check.")
  .action(async ({ acceptWeaker }: Weaker) => {
    const { problems, weaker: lines } = judgeContainer(await lookAtContainer(), acceptWeaker);
    for (const line of lines) say(`weaker than it should be: ${line}`);
    if (problems.length > 0) throw new RunRefused(problems.map(lackingProblem));
  });

weaker(program.command("verify"))
  .description("Holds this container and live sessions against the reference, row by row.")
  .option("--json", "prints the report as JSON", false)
  .option("--all-rows", "prints every row, not only those that differ", false)
  .option("--quick", "leaves out the run of the agent", false)
  .action(async (options: { json: boolean; allRows: boolean; quick: boolean } & Weaker) => {
    const { verifyContainer } = await import("./verify.ts");
    const report = await verifyContainer(options.quick ? "quick" : "full", options.acceptWeaker);
    if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else {
      const { tellReport } = await import("../verify/table.ts");
      tellReport(report, options.allRows, process);
    }
    process.exitCode = report.ok ? 0 : 1;
  });

registerKey(program, "container");

program
  .command("audit")
  .description("Prints what sessions of this container asked of the network, one JSON object a line.")
  .option("--session <name>", "of one session only")
  .action(async ({ session }: { session?: string }) => {
    for (const row of await readRows(session)) process.stdout.write(`${JSON.stringify(row)}\n`);
  });

async function runCommand(
  parse: (options: RunOptions, before: Parameters<typeof parseHere>[3]) => Promise<SealedRun>,
  options: RunOptions & Weaker,
): Promise<void> {
  // Only a run with a policy file loads the module that reads YAML.
  const { options: merged, problems } =
    options.policy === undefined
      ? { options, problems: [] }
      : mergePolicy(options, options.policy, await (await import("../policy/read.ts")).readPolicyFile(options.policy));
  const { keep, ...run } = await parse(merged, problems);
  if (keep) {
    const message = "a container's sessions are in its memory: leave it out, and leave results in a folder";
    throw new RunRefused([{ code: "CLOISTER_E_USAGE", subject: "request", value: "--keep", message }]);
  }
  const json = options.json ?? false;
  process.exitCode = await untilSignalled(async (signal) => {
    const result = await runContained({
      ...run,
      signal,
      stdio: json ? "capture" : "inherit",
      acceptWeaker: options.acceptWeaker,
    });
    tell(result, { json, keep: false, say });
    return result;
  });
}

/** The variables in which `--env NAME` looks for its value: see `guest/cli/program.ts`. */
function callersEnvironment(): NodeJS.ProcessEnv {
  const carried = takeCarried(process.env);
  return { ...process.env, ...carried };
}

settle(program.parseAsync());
