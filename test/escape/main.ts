/** `npm run test:escape`: attacks on every wall of a real machine, or of a container. See docs/testing.md. */
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { livingProcess } from "../../infra/local/host/living.ts";
import { pathsOf } from "../../infra/local/paths.ts";
import { type Architecture, hostArchitecture } from "../../infra/local/qemu.ts";
import { parseSettings } from "../../infra/settings/settings.ts";
import { stopped } from "../../rehearsal/signals.ts";
import { PROJECT } from "../../toolchain/stack-runner.ts";
import { passes, type Row, type Wall } from "./check.ts";
import { runFuzz } from "./fuzz/run.ts";
import { renderReport } from "./report/html.ts";
import { chooseWalls, printable, quickWalls, rowText, runWalls } from "./suite.ts";
import { bootMachine, type Found } from "./support/boot.ts";
import { bootContainer } from "./support/container-machine.ts";
import { inContainer } from "./support/container-walls.ts";
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

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("write a whole number.");
  return value;
};

const options = new Command("npm run test:escape --")
  .description("Attacks every wall of a real machine, from real sealed sessions, each with its positive control.")
  .option("--wall <name...>", "only these walls; `fuzz` is one of them")
  .option("--report [file]", "writes one HTML page (default: .cloister/escape.html)")
  .option("--json", "prints the rows as JSON")
  .option("--seed <number>", "what every choice comes from", number, randomInt(2 ** 31))
  .option("--boot", "boots a machine of its own, even when the one of the stack `local` runs")
  .addOption(
    new Option("--architecture <name>", "boots a machine of its own of this architecture, emulated where it is foreign")
      .choices(["amd64", "arm64"])
      .conflicts("container"),
  )
  .option("--container", "a container with the documented options; what does not apply there is named with the reason")
  .option("--thorough", "100 kills, 100 cycles, 100,000 files, 60,000 requests, 20 rounds of two writers")
  .option("--quick", "what `npm test` makes: no check that takes long, each wall by its others")
  .option("--no-fuzz", "without the fuzzer")
  .option("--fuzz-seconds <number>", "how long the fuzzer works (default: 60)", number)
  .option(
    "--slowness <number>",
    "what times are multiplied by (default: 1; emulated 10, of another architecture 40)",
    number,
  )
  .parse()
  .opts<Options>();

const FUZZ_WALL = {
  name: "fuzz",
  keeps: "Whatever a session arranges in its folders, no act of the machine is led astray.",
};

/** Plans this run. A misspelt name is refused before a machine is booted. */
interface Wanted {
  readonly walls: readonly Wall[];
  readonly fuzz: boolean;
}

const say = (line: string): void => console.error(line);
const started = performance.now();
const time = new Date().toISOString();
process.exitCode = await main().catch((error: Error) => {
  say(error.message);
  return stopped.aborted ? 130 : 2;
});

async function main(): Promise<number> {
  const names = options.wall?.filter((name) => name !== FUZZ_WALL.name);
  const all = options.container ? inContainer(WALLS) : WALLS;
  const wanted: Wanted = {
    walls: names?.length === 0 ? [] : chooseWalls(options.quick ? quickWalls(all) : all, names),
    // The fuzzer's rounds keep, remove and copy, which a container does not.
    fuzz: !options.container && (options.wall === undefined ? options.fuzz : options.wall.includes(FUZZ_WALL.name)),
  };
  const found = options.container
    ? await bootContainer(say, scaleFor(false))
    : ((options.boot || options.architecture ? undefined : running()) ??
      (await bootMachine(say, scaleFor, options.architecture)));
  try {
    say(`${found.what}; seed ${options.seed}`);
    return await attack(found, wanted);
  } finally {
    await found.dispose();
  }
}

async function attack({ machine, what }: Found, { walls, fuzz }: Wanted): Promise<number> {
  const onRow = (row: Row): void => {
    say(rowText(row));
    // After a Ctrl-C the check that runs comes to its end, so that it leaves nothing on the machine.
    stopped.throwIfAborted();
  };
  const rows = await runWalls(walls, machine, onRow);
  if (fuzz) {
    const row = await runFuzz(machine, (line) => say(printable(line)));
    rows.push(row);
    onRow(row);
  }
  const facts = { time, machine: what, seed: options.seed, seconds: (performance.now() - started) / 1000 };
  if (options.json) console.log(JSON.stringify({ ...facts, rows }, undefined, 2));
  if (options.report !== undefined) {
    const file = options.report === true ? join(PROJECT, ".cloister", "escape.html") : resolve(options.report);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, renderReport({ ...facts, ...(await describe(machine)) }, [...walls, FUZZ_WALL], rows));
    say(`the report: ${file}`);
  }
  const failed = rows.filter((row) => !passes(row));
  const again = [...new Set(failed.map(({ wall }) => wall))].join(" ");
  say(`${rows.length - failed.length} of ${rows.length} checks passed`);
  if (failed.length > 0) say(`again: npm run test:escape -- --seed ${options.seed} --wall ${again}`);
  return failed.length > 0 ? 1 : 0;
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
