/** `npm run down`: destroys a local stack and removes what it left in this folder. Caches stay. */
import { existsSync, readFileSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { Listr } from "listr2";
import { parse } from "yaml";
import { type Paths, pathsIn, pathsOf } from "../../infra/local/paths.ts";
import { removeMachine } from "../../infra/local/remove.ts";
import { whenAskedToStop } from "../../lib/asked-to-stop.ts";
import { cacheRoot, type Report } from "../../lib/store.ts";
import { ensureToolchain } from "../../toolchain/index.ts";
import { ownStateFile, stateFolder } from "../../toolchain/own-backend.ts";
import { PROJECT, PulumiError, StackRunner } from "../../toolchain/stack-runner.ts";
import { closedFolder } from "./place.ts";
import { LISTR_OPTIONS } from "./progress.ts";

// When it is asked for help, or gets an unknown option, it takes nothing down.
const { stack: name = "local" } = new Command("npm run down --")
  .description("Destroys the machine of a local stack, its session disk too.")
  .option("-s, --stack <name>", "the stack (default: local)", (value, before: string | undefined) => {
    // Of two names the last one would be taken down.
    if (before !== undefined && before !== value) throw new InvalidArgumentError(`${before} is named already.`);
    return value;
  })
  .parse()
  .opts<{ stack?: string }>();

// The stack's name becomes a folder's name.
if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
  console.error(`${JSON.stringify(name)} is no name of a stack: letters, digits, ".", "_" and "-"`);
  process.exit(2);
}

const config = configOf(name);
const isLocal = (config["cloister:target"] ?? "local") === "local";
/** Folders of the stack's machine: the one of today, and the one that the state names. */
const places: Paths[] = [pathsOf(PROJECT, name, String(config["cloister:stateDirectory"] ?? ""))];

let interrupted = false;
/** While Pulumi destroys the stack: it is told to stop, and ends in its own time. */
let destroying = false;
whenAskedToStop((times) => {
  interrupted = true;
  if (!destroying) process.exit(130);
  if (times === 1) console.error("\nInterrupted: waiting for Pulumi to stop what it is doing ...");
});

run().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  console.error(
    `\n${interrupted ? "stopped as you asked: a part may be left; run npm run down again to go on" : text}`,
  );
  process.exitCode = interrupted ? 130 : 1;
});

async function run(): Promise<void> {
  // Before Pulumi is looked for, or built.
  const machine = places[0] ?? pathsOf(PROJECT, name);
  // A clone may be another user's or read-only where the stacks' folder in it is the caller's.
  const own = join(PROJECT, ".cloister");
  const project = existsSync(own) ? own : PROJECT;
  const problem = closedFolder({ project, state: stateFolder(), machine });
  if (problem !== undefined) throw new Error(problem);
  if (!isLocal) {
    throw new Error(
      `the stack ${name} is not on this computer, and is not taken down without a look at it: npm run -s pulumi -- destroy --stack ${name}`,
    );
  }
  await new Listr(
    [
      {
        title: `pulumi destroy --stack ${name}`,
        task: async (_ctx, task) => {
          const report = (line: string) => {
            task.output = line;
          };
          const toolchain = await ensureToolchain({ report, deep: false });
          // npm start keeps its stack in the project's own backend; another stack may be in the user's.
          const own = name === "local" || existsSync(ownStateFile(name));
          const stack = new StackRunner(name, toolchain, { own });
          if (await stack.exists()) await takeDown(stack, report);
          else if (existsSync(places[0]?.root ?? "")) task.title = `there is no stack ${name}, but its folder`;
          else if (name === "local") task.title = `there is no stack ${name}`;
          else throw new Error(`there is no stack ${name}. There are: ${(await stack.names()).join(", ") || "none"}.`);
        },
      },
      {
        title: "What a killed run may have left",
        task: async () => {
          for (const paths of places) await removeMachine(paths);
          // A folder that the user chose may hold files that are not ours; the folder of all stacks is no machine's.
          if (!config["cloister:stateDirectory"] && places[0]?.root !== stateFolder()) {
            await rm(places[0]?.root ?? "", { recursive: true, force: true });
          }
          const own = join(PROJECT, ".cloister");
          // The project's own state folder goes when no other stack is in it (backups do not count).
          const left = await readdir(join(stateFolder(), ".pulumi", "stacks"), { recursive: true }).catch(() => []);
          if (!left.some((file) => file.endsWith(".json"))) {
            await rm(stateFolder(), { recursive: true, force: true });
          }
          await rmdir(own).catch(() => {});
        },
      },
    ],
    LISTR_OPTIONS,
  ).run();
  console.log(`\nNothing is left but caches, which the next start uses: ${cacheRoot()} (safe to delete).`);
}

/**
 * Destroys the stack. A local stack is complete in its folder: when Pulumi cannot destroy it, we end the machine and
 * remove the folder without Pulumi, and then make Pulumi forget the stack.
 */
async function takeDown(stack: StackRunner, report: Report): Promise<void> {
  await stack.clearLeftovers(report);
  try {
    await stack.adopt(report);
    destroying = true;
    await stack.change("destroy", report).finally(() => {
      destroying = false;
    });
    await stack.remove();
  } catch (error) {
    // Somebody else works on the stack, or the user interrupted this.
    if (interrupted || !(error instanceof PulumiError) || /currently locked|cancell?ed|interrupt/i.test(error.output))
      throw error;
    report(`Pulumi could not destroy it (${firstLine(error)}): its machine is ended without`);
    const { stateDirectory, target } = await stack.outputs().catch(() => ({}) as Record<string, unknown>);
    if (target === "local" && typeof stateDirectory === "string") places.push(pathsIn(stateDirectory));
    for (const paths of places) await removeMachine(paths);
    await stack.remove({ force: true });
  }
}

/** The error that Pulumi printed, in one line. */
function firstLine({ output }: PulumiError): string {
  const [said = "see `pulumi destroy`"] = /error: .*/.exec(output) ?? [];
  return said.replace(/^error: /, "").trim();
}

function configOf(stack: string): Readonly<Record<string, unknown>> {
  try {
    const { config = {} } = parse(readFileSync(join(PROJECT, `Pulumi.${stack}.yaml`), "utf8")) as {
      config?: Record<string, unknown>;
    };
    return config;
  } catch {
    return {};
  }
}
