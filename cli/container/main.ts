import { Command, CommanderError } from "commander";
import { withCode } from "../../contract/errors.ts";
import { refusalOnCommandLine } from "../../guest/run/options.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { type Engine, findEngine, NoEngine } from "../../infra/container/engine.ts";
import { DEFAULT_BASE, ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerOptions, DEFAULTS, SECCOMP } from "../../infra/container/options.ts";
import { caller, chooseUser } from "../../infra/container/prepare.ts";
import { ContainerRefused, runContainer } from "../../infra/container/run.ts";
import type { AuditOptions } from "../commands/audit.ts";
import { OperatorError } from "../errors.ts";
import { containerAudit } from "./audit.ts";

/** Exit codes, the same as in the guest (guest/container/main.ts). */
const EXIT = { failed: 125, refused: 2 } as const;

interface Common {
  readonly engine?: string;
  readonly base?: string;
  readonly acceptWeaker?: boolean;
}

interface RunOptions extends Common {
  readonly allow: string[];
  readonly mount: string[];
  readonly env: string[];
  readonly name?: string;
  readonly cwd?: string;
  readonly agent?: boolean;
  readonly model?: string;
  readonly timeout?: string;
  readonly json?: boolean;
  readonly audit?: string;
  readonly memory?: string;
  readonly cpus?: string;
}

const collect = (value: string, previous: string[]) => [...previous, value];
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
    .option(
      "--base <image>",
      `the image's base: any Debian or Ubuntu, or "${FROM_PACKAGES}" (default: ${DEFAULT_BASE}; where it cannot be had, from packages)`,
    );

const WEAKER = "--accept-weaker";
const WEAKER_MEANS = "goes on where this host cannot give what a container should have, and says so in every report";

common(program.command("run", { isDefault: false }))
  .description("Runs one command in a sealed session in a container, and passes its exit code on.")
  .argument("<command...>", "program and arguments, after --")
  .option("--allow <host[:port]>", "a host the session may reach; can be given several times", collect, [])
  .option("--mount <dir:name:mode>", "shows DIR of this computer as mnt/NAME: ro, rw, rwd or trash", collect, [])
  .option("--name <session>", "the session's name (default: a random name)")
  .option("--env <name=value>", "a variable for the command; can be given several times", collect, [])
  .option("--cwd <dir>", "working directory inside (default: the session's home)")
  .option("--agent", "opens the way to the model, with the key in ANTHROPIC_API_KEY; completes `claude -p PROMPT`")
  .option("--model <name>", "the model that --agent asks for")
  .option("--timeout <seconds>", "ends the command after this time")
  .option("--json", "catches the output and prints one JSON object about the run")
  .option("--audit <dir>", "leaves the audit log in this folder")
  .option("--memory <mib>", "memory in MiB (default: 4096, the least)")
  .option("--cpus <number>", "processors' time (default: 2, the least)")
  .option(WEAKER, WEAKER_MEANS)
  .passThroughOptions()
  .action(async (words: string[], options: RunOptions) => {
    const { host, image } = await prepare(options);
    const key = options.agent ? process.env["ANTHROPIC_API_KEY"] : undefined;
    const { exitCode } = await runContainer(host, {
      image,
      command: ["run", ...insideOptions(options)],
      words: ["--", ...words],
      mounts: options.mount,
      stdio: "inherit",
      limits: {
        ...(options.memory === undefined ? {} : { memoryMiB: Number(options.memory) }),
        ...(options.cpus === undefined ? {} : { cpus: Number(options.cpus) }),
      },
      ...(options.audit === undefined ? {} : { audit: options.audit }),
      ...(key ? { key } : {}),
    });
    process.exitCode = exitCode;
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
    process.exitCode = await containerAudit(folder, options);
  });

common(program.command("build"))
  .description("Builds the image, and prints its name.")
  .option("--tag <name>", "another name than localhost/cloister:DIGEST")
  .option("--anew", "builds it again")
  .action(async (options: Common & { tag?: string; anew?: boolean }) => {
    const { image, id } = await prepare(options);
    process.stdout.write(`${image} ${id}\n`);
  });

common(program.command("options"))
  .description("Prints the options that a container is started with on this computer, and what each is for.")
  .action(async (options: Common) => {
    const host = await findEngine(options.engine);
    const { user } = chooseUser(caller(), []);
    for (const { words, why } of containerOptions(host, { ...DEFAULTS, user, folders: [], seccomp: SECCOMP })) {
      process.stdout.write(`${words.join(" ")}\n    ${why}\n`);
    }
  });

async function prepare(
  options: Common & { tag?: string; anew?: boolean },
): Promise<{ host: Engine; image: string; id: string }> {
  const host = await findEngine(options.engine);
  for (const note of host.notes) say(note);
  const { name, id } = await ensureContainerImage(host, {
    arch: archOfThisComputer(),
    report: say,
    ...(options.base === undefined ? {} : { base: options.base }),
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(options.anew === undefined ? {} : { anew: options.anew }),
  });
  return { host, image: name, id };
}

function insideOptions(options: RunOptions): string[] {
  const one = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  return [
    ...options.allow.flatMap((host) => ["--allow", host]),
    ...options.env.flatMap((text) => ["--env", text]),
    ...one("--name", options.name),
    ...one("--cwd", options.cwd),
    ...one("--model", options.model),
    ...one("--timeout", options.timeout),
    ...(options.agent ? ["--agent"] : []),
    ...(options.json ? ["--json"] : []),
    ...(options.acceptWeaker ? [WEAKER] : []),
  ];
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}

function fail(error: unknown): number {
  // Commander has printed its own messages, help among them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.refused;
  if (error instanceof OperatorError) {
    say(withCode(error.message, error.code));
    return error.exitCode;
  }
  if (error instanceof RunRefused) {
    say(refusalOnCommandLine(error));
    return EXIT.refused;
  }
  if (error instanceof ContainerRefused) {
    for (const problem of error.problems) say(problem);
    return EXIT.refused;
  }
  say(
    error instanceof NoEngine || !(error instanceof Error)
      ? String((error as Error).message)
      : (error.stack ?? error.message),
  );
  return EXIT.failed;
}
