/** `npm run test:escape`: attacks on every wall of a real machine, or of a container. See docs/testing.md. */
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { parse } from "yaml";
import { neutralJson } from "../../guest/lib/neutral.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { pathsOf } from "../../infra/local/paths.ts";
import { type Architecture, hostArchitecture } from "../../infra/local/qemu.ts";
import { parseSettings } from "../../infra/settings/settings.ts";
import { stopped } from "../../rehearsal/signals.ts";
import { PROJECT } from "../../toolchain/stack-runner.ts";
import type { Row } from "./check.ts";
import { runFuzz } from "./fuzz/run.ts";
import { FUZZ_WALL, outcomeOf, type Plan, planOf, positiveNumber, wholeNumber } from "./plan.ts";
import { renderReport } from "./report/html.ts";
import { printable, rowText, runWalls } from "./suite.ts";
import { bootMachine, type Found } from "./support/boot.ts";
import { bootContainer } from "./support/container-machine.ts";
import { type Machine, quick, type Scale, scaleOf, thorough } from "./support/machine.ts";
import { operatorHere } from "./support/operator-here.ts";
import { sshMachine } from "./support/ssh-machine.ts";
import { WALLS } from "./walls/index.ts";

const STACK = "local";

interface Options {
  wall?: string[];
  report?: string | true;
  json?: boolean;
  seed: number;
  boot?: boolean;
  architecture?: Architecture;
  container?: boolean;
  thorough?: boolean;
  quick?: boolean;
  fuzz: boolean;
  fuzzSeconds?: number;
  slowness?: number;
}

const options = new Command("npm run test:escape --")
  .description("Attacks every wall of a real machine, from real sealed sessions, each with its positive control.")
  .option("--wall <name...>", "only these walls; `fuzz` is one of them")
  .option("--report [file]", "writes one HTML page (default: .cloister/escape.html)")
  .option("--json", "prints the rows as one JSON document (`npm run --silent`: npm prints two lines of its own)")
  .option("--seed <number>", "what every choice comes from", wholeNumber, randomInt(2 ** 31))
  .addOption(
    new Option("--boot", "boots a machine of its own, even when the one of the stack `local` runs").conflicts(
      "container",
    ),
  )
  .addOption(
    new Option("--architecture <name>", "boots a machine of its own of this architecture, emulated where it is foreign")
      .choices(["amd64", "arm64"])
      .conflicts("container"),
  )
  .option("--container", "a container with the documented options; what does not apply there is named with the reason")
  .option("--thorough", "100 kills, 100 cycles, 100,000 files, 60,000 requests, 20 rounds of two writers")
  .addOption(
    new Option("--quick", "what `npm test` makes: no check that takes long, each wall by its others").conflicts(
      "thorough",
    ),
  )
  .option("--no-fuzz", "without the fuzzer")
  .option("--fuzz-seconds <number>", "how long the fuzzer works (default: 60)", wholeNumber)
  .option(
    "--slowness <number>",
    "what times are multiplied by (default: 1; emulated 10, of another architecture 40)",
    positiveNumber,
  )
  .parse()
  .opts<Options>();

const say = (line: string): void => console.error(line);
stopped.addEventListener("abort", () =>
  say("stops after this check, and takes down what it booted; Ctrl-C again: at once"),
);
const started = performance.now();
const time = new Date().toISOString();
process.exitCode = await main().catch((error: Error) => {
  say(error.message);
  return stopped.aborted ? 130 : 2;
});

async function main(): Promise<number> {
  const wanted = planOf(WALLS, options);
  // What cannot be written is told now, and not after the run.
  const report = options.report === undefined ? undefined : reportFile(options.report);
  const found = options.container
    ? await bootContainer(say, scaleFor(false))
    : ((options.boot || options.architecture ? undefined : running()) ??
      (await bootMachine(say, scaleFor, options.architecture)));
  try {
    say(`${found.what}; seed ${options.seed}`);
    return await attack(found, wanted, report);
  } finally {
    await found.dispose();
  }
}

async function attack({ machine, what }: Found, { walls, fuzz }: Plan, report?: string): Promise<number> {
  const onRow = (row: Row): void => {
    say(rowText(row));
    // After a Ctrl-C the check that runs comes to its end, so that it leaves nothing on the machine.
    stopped.throwIfAborted();
  };
  stopped.throwIfAborted();
  const rows = await runWalls(walls, machine, onRow);
  if (fuzz) {
    const row = await runFuzz(machine, (line) => say(printable(line)));
    rows.push(row);
    onRow(row);
  }
  const facts = { time, machine: what, seed: options.seed, seconds: (performance.now() - started) / 1000 };
  if (options.json) console.log(neutralJson({ ...facts, rows }, 2));
  if (report !== undefined) {
    writeFileSync(report, renderReport({ ...facts, ...(await describe(machine)) }, [...walls, FUZZ_WALL], rows));
    say(`the report: ${report}`);
  }
  const { lines, exitCode } = outcomeOf(rows, options.seed);
  for (const line of lines) say(line);
  return exitCode;
}

/** The report's file, which can be written. */
function reportFile(wanted: string | true): string {
  const file = wanted === true ? join(PROJECT, ".cloister", "escape.html") : resolve(wanted);
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, "a"));
  return file;
}

/** How much this run asks of a machine. */
function scaleFor(emulated: boolean): Scale {
  const foreign = options.architecture !== undefined && options.architecture !== hostArchitecture();
  const usual = scaleOf(emulated, options.seed, foreign);
  return {
    ...(options.thorough ? thorough(usual) : options.quick ? quick(usual) : usual),
    ...(options.fuzzSeconds === undefined ? {} : { fuzzSeconds: options.fuzzSeconds }),
    ...(options.slowness === undefined ? {} : { slowness: options.slowness }),
  };
}

/** The machine of the stack `local`, if it runs. */
function running(): Found | undefined {
  const file = parse(readFileSync(join(PROJECT, `Pulumi.${STACK}.yaml`), "utf8")) as {
    config?: Record<string, unknown>;
  };
  const texts = Object.entries(file.config ?? {}).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const parsed = parseSettings(Object.fromEntries(texts));
  const stateDirectory = "settings" in parsed ? parsed.settings.stateDirectory : "";
  const paths = pathsOf(PROJECT, STACK, stateDirectory);
  const living = livingProcess(paths);
  if (living === undefined) return undefined;
  return {
    machine: sshMachine({
      paths,
      port: () => livingProcess(paths)?.sshPort ?? living.sshPort,
      scale: scaleFor(living.accelerator === "tcg"),
      operator: operatorHere(PROJECT, STACK),
    }),
    what: `the machine of the stack ${STACK} (${living.accelerator})`,
    dispose: async () => {},
  };
}

/** A machine's description of itself. */
async function describe(machine: Machine): Promise<{ kernel: string; system: string; image: string }> {
  const { stdout } = await machine.root([
    "sh",
    "-c",
    'uname -srm; . /etc/os-release; echo "$PRETTY_NAME"; tr -d "\\n" < /opt/cloister/MANIFEST.json',
  ]);
  const [kernel = "?", system = "?", manifest = "?"] = stdout.split("\n");
  return { kernel, system, image: manifest.slice(0, 300) };
}
