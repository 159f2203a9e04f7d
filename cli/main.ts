/**
 * The operator's command: `cloister --stack NAME [--machine NAME] ls | run | verify | shell | cp`. What a command needs is
 * loaded when it is chosen, and a target's packages when a stack is on it. See docs/operating.md.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../contract/version.ts";
import type { Chosen } from "./commands/chosen.ts";
import type { RunOptions } from "./commands/run.ts";
import { messageOf, OperatorError, UsageError } from "./errors.ts";

interface Global {
  readonly stack?: string;
  readonly machine?: string;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

const program = new Command("cloister")
  .version(VERSION)
  .description("Reaches the machines of a stack, wherever they are.")
  .option("-s, --stack <name>", "the stack (default: CLOISTER_STACK)")
  .option("-m, --machine <name>", "the machine; not needed where there is one")
  .enablePositionalOptions()
  .showHelpAfterError("(cloister COMMAND --help shows what can be written)")
  .exitOverride((error) => {
    throw error;
  });

program
  .command("ls")
  .description("Lists the machines of the stack.")
  .option("--ask", "asks each machine that runs for its verification of this boot")
  .option("--json", "prints JSON")
  .action(async (options: { ask?: boolean; json?: boolean }) => {
    const { stack } = stackOption();
    if (program.opts<Global>().machine !== undefined)
      throw new UsageError("ls lists all machines: leave out --machine.");
    await end((await import("./commands/ls.ts")).ls(stack, options));
  });

program
  .command("run")
  .description("Runs one command in a sealed session on the machine, and passes its exit code on.")
  .argument("<command...>", "program and arguments, after --")
  .option("--allow <host[:port]>", "a host the session may reach; can be given several times", collect, [])
  .option(
    "--mount <dir:name:mode>",
    "shows a folder of the machine as mnt/NAME: ro, rw, rwd or trash; can be repeated",
    collect,
    [],
  )
  .option("--env <name=value>", "a variable for the command; can be given several times", collect, [])
  .option("--name <session>", "the session's name; its home is kept and used again")
  .option("--keep", "keeps the session's home and user")
  .option("--cwd <dir>", "working directory inside")
  .option("--agent", "opens the way to the model; completes `claude -p PROMPT`")
  .option("--timeout <seconds>", "ends the command after this time")
  .option("--json", "catches the output and prints one JSON object about the run")
  .option("-t, --tty", "gives the command a terminal")
  .passThroughOptions()
  .action(async (command: string[], options: RunOptions) => {
    await end((await import("./commands/run.ts")).run(chosen(), command, options));
  });

program
  .command("verify")
  .description("Holds the machine against the reference, row by row.")
  .option("--all", "all machines of the stack that run")
  .option("--json", "prints the report as JSON; with --all, a list of reports")
  .action(async (options: { all?: boolean; json?: boolean }) => {
    await end((await import("./commands/verify.ts")).verify(chosen(), options));
  });

program
  .command("shell")
  .description("Opens the operator's shell on the machine.")
  .action(async () => {
    await end((await import("./commands/shell.ts")).shell(chosen()));
  });

program
  .command("cp")
  .description("Copies a file or a folder to or from the machine, as scp does: MACHINE:PATH or :PATH is there.")
  .argument("<source>")
  .argument("<destination>")
  .option("--root", "as root on the machine, instead of the operator's user")
  .action(async (source: string, destination: string, options: { root?: boolean }) => {
    await end((await import("./commands/cp.ts")).cp(chosen(), source, destination, options));
  });

function stackOption(): { readonly stack: string } {
  const stack = program.opts<Global>().stack ?? process.env["CLOISTER_STACK"];
  if (!stack) throw new UsageError("no stack: write --stack NAME before the command, or set CLOISTER_STACK.");
  return { stack };
}

function chosen(): Chosen {
  const { machine } = program.opts<Global>();
  return { ...stackOption(), ...(machine === undefined ? {} : { machine }) };
}

async function end(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
// Input that nobody reads any more must not keep this process.
process.stdin.unref?.();

function fail(error: unknown): number {
  // Commander has printed its own messages, help among them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`cloister: ${messageOf(error)}\n`);
  return error instanceof OperatorError ? error.exitCode : 1;
}
