import { Command, CommanderError, Option } from "commander";
import { codeOf, withCode } from "../../contract/errors.ts";
import { type AgentOptions, addAgentOptions, parseAgent } from "../../guest/agent/command-line.ts";
import { agentCommand } from "../../guest/agent/settings.ts";
import { addRunOptions, refusalOnCommandLine } from "../../guest/run/options.ts";
import { parseMount } from "../../guest/sessions/mounts.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { archOfThisComputer } from "../../images/container/arch.ts";
import type { Arch } from "../../images/runtime/arch.ts";
import { type Engine, findEngine } from "../../infra/container/engine.ts";
import { DEFAULT_BASE, ensureContainerImage, ensureNamedImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerOptions, DEFAULTS, SECCOMP } from "../../infra/container/options.ts";
import { caller, chooseUser } from "../../infra/container/prepare.ts";
import { ContainerRefused, runContainer } from "../../infra/container/run.ts";
import { Stopped, stopOnSignals } from "../../infra/container/stop.ts";
import { watchStandardStreams } from "../../lib/standard-streams.ts";
import type { AuditOptions } from "../commands/audit.ts";
import { learnPolicy, outputOf } from "../commands/policy.ts";
import { OperatorError } from "../errors.ts";
import type { LearnOptions } from "../policy/learn.ts";
import { containerAudit } from "./audit.ts";
import { type ContainedOptions, keyFor, readHostRun, runOnHost } from "./sealed.ts";

/** Exit codes, the same as in the guest (guest/cli/exit.ts). */
const EXIT = { failed: 125, refused: 2 } as const;

const OUR_MISTAKES = [TypeError, RangeError, ReferenceError, SyntaxError] as const;

interface Common {
  readonly engine?: string;
  readonly base?: string;
  readonly image?: string;
  readonly acceptWeaker?: boolean;
}

/** What only the image's build has. */
interface BuildOptions {
  readonly architecture?: Arch;
  readonly tag?: string;
  readonly anew?: boolean;
}

const say = (line: string) => void process.stderr.write(`cloister: ${line}\n`);

const program = new Command("npm run container --")
  .description("Sealed sessions in a container of this computer's podman or docker.")
  .enablePositionalOptions()
  .exitOverride((error) => {
    throw error;
  });

/** The options that all commands take. */
const common = (command: Command) =>
  command
    .option("--engine <name>", "podman or docker (default: the first of them that answers)")
    .option("--image <name>", "an image that is there or can be pulled (default: one that is built)")
    .option(
      "--base <image>",
      `the image's base: any Debian or Ubuntu, or "${FROM_PACKAGES}" (default: ${DEFAULT_BASE}; where it cannot be had, from packages)`,
    );

const WEAKER = "--accept-weaker";
const WEAKER_MEANS = "goes on where this host cannot give what a container should have, and says so in every report";

/** Options of the container of one run. */
const contained = (command: Command) =>
  common(command)
    .option("--audit <dir>", "leaves the audit log in this folder")
    .option("--cpus <number>", "processors' time (default: 2, the least)")
    .option(WEAKER, WEAKER_MEANS);

contained(
  addRunOptions(
    program
      .command("run")
      .description("Runs one command in a sealed session in a container, and passes its exit code on.")
      .argument("<command...>", "program and arguments, after --"),
  ),
)
  .passThroughOptions()
  .action(async (words: string[], options: ContainedOptions & Common) => {
    await run(words, options);
  });

contained(
  addRunOptions(
    addAgentOptions(
      program.command("agent").description("Lets the agent do a task in a sealed session in a container."),
    ),
    "agent",
  ),
).action(
  async (
    _prompt: string | undefined,
    _flags: string[],
    options: ContainedOptions & Common & AgentOptions,
    self: Command,
  ) => {
    const task = parseAgent(self.args, process.argv.slice(2), options, process.stdin.isTTY ?? false);
    await run(agentCommand(task), { ...options, agent: true });
  },
);

async function run(words: readonly string[], options: ContainedOptions & Common): Promise<void> {
  const asked = await readHostRun(words, options);
  const { host, image } = await prepare(options);
  const { exitCode } = await runOnHost(host, image, asked, { ...options, stdio: "inherit", ...keyFor(asked.run) });
  process.exitCode = exitCode;
}

contained(
  addRunOptions(
    program
      .command("learn")
      .description("Runs a command once with everything denied, and writes down the hosts that it asked for.")
      .argument("<command...>", "program and arguments, after --"),
  ),
)
  .option("-o, --output <file>", "the file that is written, where none is yet (default: cloister.policy.yaml)")
  .passThroughOptions()
  .action(async (words: string[], options: ContainedOptions & Common & LearnOptions) => {
    const output = await outputOf(options);
    const asked = await readHostRun(words, options);
    const { host, image } = await prepare(options);
    process.exitCode = await learnPolicy(
      { ...asked.run, mounts: asked.mounts.map(parseMount).filter((one) => "name" in one) },
      output,
      ({ mounts: _, ...denied }) =>
        runOnHost(
          host,
          image,
          { run: denied, mounts: asked.mounts },
          { ...options, json: true, stdio: "pipe", ...keyFor(denied) },
        ),
    );
  });

for (const [name, what] of [
  ["verify", "Holds a container and live sessions in it against the reference, row by row."],
  ["check", "Tells whether a container on this computer gets what it should have."],
] as const) {
  const command = common(program.command(name)).description(what).option(WEAKER, WEAKER_MEANS);
  if (name === "verify")
    command.option("--json", "prints the report as JSON").option("--quick", "leaves out the agent");
  command.action(async (options: Common & { json?: boolean; quick?: boolean }) => {
    const { host, image } = await prepare(options);
    const words = [
      ...(options.json ? ["--json"] : []),
      ...(options.quick ? ["--quick"] : []),
      ...(options.acceptWeaker ? [WEAKER] : []),
    ];
    process.exitCode = (await runContainer(host, { image, command: [name, ...words], stdio: "inherit" })).exitCode;
    if (name === "check" && process.exitCode === 0) say(`containers of ${host.program} have all that they should have`);
  });
}

program
  .command("audit")
  .description("Shows what sessions asked of the network, and how to allow what was denied.")
  .argument("<dir>", "the folder that `run --audit` named")
  .option("--session <name>", "of one session only")
  .option("--denied", "only what was denied")
  .option("--follow", "goes on with what is asked from then on")
  .option("--json", "prints one JSON object a line")
  .action(async (folder: string, options: AuditOptions) => {
    watchStandardStreams();
    process.exitCode = await containerAudit(folder, options);
  });

common(program.command("build"))
  .description("Builds the image, and prints its name.")
  .option("--tag <name>", "another name than localhost/cloister:DIGEST")
  .option("--anew", "builds it again")
  .addOption(
    new Option(
      "--architecture <name>",
      "for another kind of computer (default: this one's); the build's programs are emulated, and sessions need such a computer",
    )
      .choices(["amd64", "arm64"])
      .conflicts("image"),
  )
  .action(async (options: Common & BuildOptions) => {
    watchStandardStreams();
    const { image, id } = await prepare(options);
    process.stdout.write(`${image} ${id}\n`);
  });

common(program.command("options"))
  .description("Prints the options that a container is started with on this computer, and what each is for.")
  .action(async (options: Common) => {
    watchStandardStreams();
    const host = await findEngine(options.engine);
    const { user } = chooseUser(caller(), []);
    for (const { words, why } of containerOptions(host, { ...DEFAULTS, user, folders: [], seccomp: SECCOMP })) {
      process.stdout.write(`${words.join(" ")}\n    ${why}\n`);
    }
  });

program
  .command("ci")
  .description("One step of a CI job: reads CLOISTER_CI_... of its environment (docs/ci.md).")
  .action(async () => {
    const { ciStep } = await import("./ci/step.ts");
    process.exitCode = await ciStep(process.env, { say, prepare });
  });

/** Finds the engine, and the image or builds it. */
export async function prepare(options: Common & BuildOptions): Promise<{ host: Engine; image: string; id: string }> {
  const host = await findEngine(options.engine);
  for (const note of host.notes) say(note);
  if (options.image !== undefined) {
    const { id, arch } = await ensureNamedImage(host, options.image, say);
    if (arch !== archOfThisComputer())
      say(
        `${options.image} is for ${arch}, and emulated here: no emulator of programs makes user namespaces, and a session is one`,
      );
    return { host, image: options.image, id };
  }
  const { name, id } = await ensureContainerImage(host, {
    arch: options.architecture ?? archOfThisComputer(),
    report: say,
    ...(options.base === undefined ? {} : { base: options.base }),
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(options.anew === undefined ? {} : { anew: options.anew }),
  });
  return { host, image: name, id };
}

async function main(): Promise<void> {
  stopOnSignals();
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = failed(error);
  }
}

export default main();

function failed(error: unknown): number {
  // Commander has printed its own messages, help among them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.refused;
  if (error instanceof RunRefused) {
    say(refusalOnCommandLine(error));
    return EXIT.refused;
  }
  if (error instanceof ContainerRefused) {
    for (const problem of error.problems) say(problem);
    return EXIT.refused;
  }
  if (error instanceof Stopped) {
    say(error.message);
    return error.exitCode;
  }
  if (error instanceof OperatorError) {
    say(withCode(error.message, codeOf(error)));
    return error.exitCode;
  }
  // Where a call led is of use for mistakes of this program's alone.
  const ours = OUR_MISTAKES.some((kind) => error instanceof kind);
  say((ours ? (error as Error).stack : undefined) ?? String((error as Error).message));
  return EXIT.failed;
}
