/**
 * The operator's command: `cloister --stack NAME [--machine NAME] COMMAND`. The modules of a command are loaded when it
 * is chosen, and a target's packages when a stack is on that target. See docs/operating.md.
 */
import { Command } from "commander";
import { VERSION } from "../contract/version.ts";
import { type AgentOptions, addAgentOptions } from "../guest/agent/command-line.ts";
import { addRunOptions, DETACH, type RunOptions } from "../guest/run/options.ts";
import { isOwnStack, ownStacks } from "../toolchain/own-backend.ts";
import type { AuditOptions } from "./commands/audit.ts";
import type { Chosen } from "./commands/chosen.ts";
import type { HereOption, OperatorRunOptions } from "./commands/run.ts";
import type { SyncCommandOptions } from "./commands/sync.ts";
import { defaultStack } from "./default-stack.ts";
import { UsageError } from "./errors.ts";
import { addExamples } from "./examples.ts";
import { addHelp } from "./help.ts";
import type { LearnOptions } from "./policy/learn.ts";

/** Options that every command has, and that may stand before it, too. */
interface Global {
  readonly stack?: string;
  readonly machine?: string;
  readonly region?: string;
}

/** Options of `bootstrap`, as they are written. */
interface BootstrapWords {
  readonly account?: string;
  readonly region?: string;
  readonly bucket?: string;
  readonly repository?: string;
  readonly forge?: string;
  readonly forgeHost?: string;
  readonly environment?: string[];
  readonly previewEnvironment?: string;
  readonly branch?: string;
  readonly previewBranch?: string[];
  readonly existingProvider?: boolean;
  readonly destroy?: boolean;
  readonly yes?: boolean;
}

type AgentRunOptions = RunOptions & AgentOptions & HereOption;

/** Refuses an option that is written twice with two values: which of them is meant cannot be told. */
const onlyOne =
  (option: string) =>
  (value: string, before: string | undefined): string => {
    if (before !== undefined && before !== value) throw writtenTwice(option, before, value);
    return value;
  };
const STACK = [
  "-s, --stack <name>",
  "the stack (default: CLOISTER_STACK, or the only one on this computer)",
  onlyOne("stack"),
] as const;
const HERE = [
  "--here",
  "syncs this folder in, runs the command in its copy, and brings changes back (docs/run.md)",
] as const;
const REGION = [
  "--region <name>",
  "finds a stack on AWS by its tags, without Pulumi (default: CLOISTER_REGION)",
  onlyOne("region"),
] as const;
const MACHINE = ["-m, --machine <name>", "the machine; not needed where there is one", onlyOne("machine")] as const;

/** The whole command, to be given a command line. */
export function operatorProgram(): Command {
  const program = new Command("cloister")
    .description("Reaches the machines of a stack, wherever they are.")
    .version(VERSION, "-V, --version", "prints the version")
    .option(...STACK)
    .option(...MACHINE)
    .option(...REGION)
    .enablePositionalOptions()
    .showHelpAfterError("(cloister COMMAND --help shows what can be written)")
    .exitOverride((error) => {
      throw error;
    });
  const command = (name: string, description: string, parent: Command = program): Command =>
    parent
      .command(name)
      .description(description)
      .option(...STACK)
      .option(...MACHINE)
      .option(...REGION);
  const chosen = (self: Command): Chosen => chosenBy(globalsOf(self));

  command("ls", "Lists the machines of the stack.")
    .option("--ask", "asks each machine that runs for its verification of this boot")
    .option("--json", "prints JSON")
    .action(async (options: { ask?: boolean; json?: boolean }, self: Command) => {
      const { stack, machine } = chosen(self);
      if (machine !== undefined) throw new UsageError("ls lists all machines: leave out --machine.");
      await end((await import("./commands/ls.ts")).ls(stack, options));
    });

  addRunOptions(
    command("run", "Runs one command in a sealed session on the machine, and passes its exit code on.").argument(
      "<command...>",
      "program and arguments, after --",
    ),
  )
    .option("-t, --tty", "gives the command a terminal")
    .option(...HERE)
    .option(...DETACH)
    .passThroughOptions()
    .action(async (words: string[], options: OperatorRunOptions, self: Command) => {
      await end((await import("./commands/run.ts")).run(() => chosen(self), words, options));
    });

  addRunOptions(
    addAgentOptions(command("agent", "Lets the agent, Claude Code, do a task in a sealed session on the machine.")),
    "agent",
  )
    .option(...HERE)
    .action(async (_prompt: string | undefined, _flags: string[], options: AgentRunOptions, self: Command) => {
      const { agent } = await import("./commands/run.ts");
      await end(agent(() => chosen(self), self.args, process.argv.slice(2), options));
    });

  const policy = program.command("policy").description("Checks and learns policy files (docs/policy.md).");
  policy
    .command("check")
    .description("Prints every problem of a policy file, with line and column. Exit code 1 when there is one.")
    .argument("<file>")
    .action(async (file: string) => {
      await end((await import("./commands/policy.ts")).checkPolicy(file));
    });
  addRunOptions(
    command(
      "learn",
      "Runs a command once with everything denied, and writes down the hosts that it asked for.",
      policy,
    ).argument("<command...>", "program and arguments, after --"),
  )
    .option("-o, --output <file>", "the file that is written, where none is yet (default: cloister.policy.yaml)")
    .passThroughOptions()
    .action(async (words: string[], options: LearnOptions, self: Command) => {
      await end((await import("./commands/policy.ts")).learnOnMachine(() => chosen(self), words, options));
    });

  const sessions = command("sessions", "Lists, stops and removes sessions of the machine.");
  command("ls", "Lists the sessions that are kept or run. A second command in one: run --name NAME -- ...", sessions)
    .option("--json", "prints JSON")
    .action(async (options: { json?: boolean }, self: Command) => {
      await end((await import("./commands/sessions.ts")).listSessions(chosen(self), options));
    });
  command("rm", "Removes kept sessions for good: their homes with everything in them, and their users.", sessions)
    .argument("<session...>")
    .action(async (names: string[], _options: object, self: Command) => {
      await end((await import("./commands/sessions.ts")).removeSessions(() => chosen(self), names));
    });

  command("audit", "Shows what sessions asked of the network, and how to allow what was denied.")
    .option("--session <name>", "of one session only")
    .option("--since <time>", "as journalctl takes it, such as -1h or 2026-01-12")
    .option("--denied", "only what was denied")
    .option("--follow", "goes on with what is asked from then on")
    .option("--json", "prints one JSON object a line")
    .action(async (options: AuditOptions, self: Command) => {
      await end((await import("./commands/audit.ts")).audit(() => chosen(self), options));
    });

  command("stop", "Ends what runs in sessions, detached or not. Kept sessions stay.", sessions)
    .argument("<session...>")
    .action(async (names: string[], _options: object, self: Command) => {
      await end((await import("./commands/sessions.ts")).stopSessions(() => chosen(self), names));
    });

  command("logs", "Prints the output of a session's detached run.")
    .argument("<session>")
    .option("-f, --follow", "goes on until the run has ended")
    .action(async (name: string, options: { follow?: boolean }, self: Command) => {
      await end((await import("./commands/sessions.ts")).logs(() => chosen(self), name, options));
    });

  command("forward", "Lets programs of this computer reach a port that a session listens on, by 127.0.0.1.")
    .argument("<session>")
    .argument("<port[:local]>", "the port in the session, and the one here (default: the same)")
    .action(async (name: string, ports: string, _options: object, self: Command) => {
      await end((await import("./commands/forward.ts")).forwardCommand(() => chosen(self), name, ports));
    });

  const key = command(
    "key",
    "The key for the model's API: in a local machine's memory, or in the secret of a stack on AWS.",
  );
  for (const [act, description] of [
    ["set", "Asks for the key without showing it, or reads it from standard input."],
    ["status", "Says whether there is a key, and nothing of it. Exit code 1 when there is none."],
    ["clear", "Takes the key away: the scripted demo model answers."],
  ] as const) {
    const one = command(act, description, key);
    if (act === "status") one.option("--json", "prints JSON");
    one.action(async ({ json }: { json?: boolean }, self: Command) => {
      await end((await import("./commands/key.ts")).key(() => chosen(self), act, json));
    });
  }

  command("verify", "Holds the machine against the reference, and prints what differs.")
    .option("--all", "all machines of the stack that run")
    .option("--all-rows", "prints every row, not only those that differ")
    .option("--json", "prints the report as JSON; with --all, a list of reports")
    .action(async (options: { all?: boolean; allRows?: boolean; json?: boolean }, self: Command) => {
      await end((await import("./commands/verify.ts")).verify(chosen(self), options));
    });

  command("refresh", "Replaces the machines of a pool on AWS that are made from an old template.")
    .argument("<pool>")
    .option("--restart", "cancels a refresh that runs, and starts anew")
    .action(async (pool: string, options: { restart?: boolean }, self: Command) => {
      const { stack, machine } = chosen(self);
      if (machine !== undefined) throw new UsageError("refresh is for a whole pool: leave out --machine.");
      await end((await import("./commands/refresh.ts")).refresh(stack, pool, options));
    });

  command("doctor", "Looks at this computer, the stack and its machines for what is in the way, and says what to do.")
    .option("--json", "prints JSON")
    .action(async (options: { json?: boolean }, self: Command) => {
      const { stack = namedStack(), machine, region } = globalsOf(self);
      settleRegion(stack, region);
      await end((await import("./commands/doctor.ts")).doctor({ stack, machine }, options));
    });

  command("shell", "Opens the operator's shell on the machine, also while it boots.").action(
    async (_options: object, self: Command) => {
      await end((await import("./commands/shell.ts")).shell(chosen(self)));
    },
  );

  command("cp", "Copies a file or a folder to or from the machine, as scp does: MACHINE:PATH or :PATH is there.")
    .argument("<source>")
    .argument("<destination>")
    .option("--root", "as root on the machine, instead of the operator's user")
    .action(async (source: string, destination: string, options: { root?: boolean }, self: Command) => {
      const { cp, parseRoute } = await import("./commands/cp.ts");
      const route = parseRoute(source, destination, globalsOf(self).machine);
      await end(cp(chosen(self).stack, route, options));
    });

  command(
    "sync",
    "Makes a folder here and its copy in /sessions/folders the same: changes of both sides are exchanged.",
  )
    .argument("<folder>")
    .option("--to <name>", "the copy's name on the machine (default: the folder's)")
    .option("--prefer <side>", "settles conflicts: here or machine")
    .option(
      "--bring <path>",
      "brings this back although programs would obey it, such as .git/config; repeatable",
      collect,
      [],
    )
    .option(
      "--exclude <pattern>",
      "a name or path that is not copied, beside those in .cloisterignore; repeatable",
      collect,
      [],
    )
    .option("--dry-run", "only says what would happen")
    .action(async (folder: string, options: SyncCommandOptions, self: Command) => {
      await end((await import("./commands/sync.ts")).syncCommand(() => chosen(self), folder, options));
    });

  program
    .command("bootstrap")
    .description("Makes an AWS account ready for stacks: state, roles and policies. Previews, and asks before it acts.")
    .option("--account <id>", "the account, by its 12 digits")
    .option("--region <name>", "the region of the stacks and of their state")
    .option("--bucket <name>", "the bucket for Pulumi's state, which is made")
    .option("--repository <name>", "the repository whose jobs preview and deploy: OWNER/NAME, or GROUP/NAME")
    .option("--forge <name>", "github or gitlab (default: github)")
    .option("--forge-host <host>", "GitLab's host (default: gitlab.com)")
    .option("--environment <name...>", "GitHub's environments that may deploy (default: dev, staging, prod)")
    .option("--preview-environment <name>", "GitHub's environment that may preview (default: preview)")
    .option("--branch <name>", "GitLab's protected branch that may deploy (default: main)")
    .option("--preview-branch <pattern...>", "GitLab's branches that may preview, as 'feature/*' (default: --branch's)")
    .option("--existing-provider", "the account trusts this forge's tokens already")
    .option("--destroy", "takes roles and policies back; refuses while stacks are there, and keeps the state")
    .option("--yes", "asks nothing")
    .action(async (options: BootstrapWords) => {
      const { yes, destroy, account, environment, previewBranch, existingProvider, ...rest } = options;
      const listed = { environments: environment, previewBranches: previewBranch };
      const raw = { ...rest, ...listed, accountId: account, hasProvider: existingProvider };
      await end(
        (await import("./commands/bootstrap.ts")).bootstrap(raw, {
          ...(yes ? { yes } : {}),
          ...(destroy ? { destroy } : {}),
        }),
      );
    });
  program
    .command("completion")
    .description("Prints what completes this command in a shell.")
    .addArgument(program.createArgument("<shell>").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish") => {
      await end((await import("./commands/completion.ts")).completion(shell));
    });
  program
    .command("complete", { hidden: true })
    .argument("[word...]")
    .action(async (words: string[]) => {
      await end((await import("./commands/completion.ts")).complete(program, words, namedStack()));
    });

  addExamples(program);
  addHelp(program);
  return program;
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** Reads the options that every command has, which may stand before or after the command. */
export function globalsOf(self: Command): Global {
  const found: { stack?: string; machine?: string; region?: string } = {};
  for (let level: Command | null = self; level !== null; level = level.parent) {
    for (const key of ["stack", "machine", "region"] as const) {
      const value = level.opts<Global>()[key];
      if (value === undefined) continue;
      if (found[key] !== undefined && found[key] !== value) {
        throw writtenTwice(key, value, found[key]);
      }
      found[key] = value;
    }
  }
  return found;
}

const writtenTwice = (option: string, one: string, other: string): UsageError =>
  new UsageError(`--${option} is written twice: ${one} and ${other}. Leave one of them out.`);

function chosenBy({ stack = namedStack(), machine, region }: Global): Chosen {
  if (!stack) {
    const [first, ...others] = ownStacks();
    const known = first === undefined ? "" : ` Here are: ${[first, ...others].join(", ")}.`;
    throw new UsageError(`no stack: write --stack NAME, or set CLOISTER_STACK.${known}`, {
      code: "CLOISTER_E_NO_STACK",
    });
  }
  // Pulumi's own limit.
  if (!STACK_NAME.test(stack) || stack.length > 100)
    throw new UsageError(
      `--stack ${JSON.stringify(stack)}: a stack's name has letters, digits, ".", "_" and "-" only, 100 at most.`,
    );
  settleRegion(stack, region);
  return { stack, ...(machine === undefined ? {} : { machine }) };
}

/** As Pulumi has it: STACK, ORGANIZATION/STACK or ORGANIZATION/PROJECT/STACK. */
const STACK_NAME = /^(?:[A-Za-z0-9_-][\w.-]*\/){0,2}[A-Za-z0-9_-][\w.-]*$/;

/**
 * Puts the region of `--region` where all that reads the stack finds it. A region of the environment alone is meant for
 * stacks on AWS: a machine of this computer is found without it.
 */
export function settleRegion(
  stack: string | undefined,
  region: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  isOwn: (stack: string) => boolean = isOwnStack,
): void {
  if (region !== undefined) env["CLOISTER_REGION"] = region;
  else if (stack !== undefined && isOwn(stack)) delete env["CLOISTER_REGION"];
  const meant = env["CLOISTER_REGION"] || "eu-central-1";
  if (!REGION_SHAPE.test(meant)) {
    const from = region === undefined ? "CLOISTER_REGION" : "--region";
    throw new UsageError(`${from} ${JSON.stringify(meant)}: write a region of AWS's, such as eu-central-1.`);
  }
}

/** The shape alone: AWS has new ones now and then. */
const REGION_SHAPE = /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/;

/** The stack of the environment, or the only one that there is. */
function namedStack(): string | undefined {
  return process.env["CLOISTER_STACK"] || defaultStack();
}

async function end(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}
