/**
 * `npm test`: every stage that a change must pass, two at a time, with the time each took. `--only NAME` runs one stage,
 * `--arm64` the real machine on an emulated arm64 instead. See docs/testing.md.
 */
import { spawn } from "node:child_process";
import { availableParallelism, freemem } from "node:os";
import { createInterface } from "node:readline";
import Table from "cli-table3";
import { Command } from "commander";
import { prepare } from "../../cli/start/prepare.ts";
import { findEngine } from "../../infra/container/engine.ts";
import { hostArchitecture } from "../../infra/local/qemu.ts";
import { allGroups, ensureSystemPackages } from "../../lib/system/index.ts";
import { ensureToolchain } from "../../toolchain/index.ts";
import { findBrowser } from "./browser.ts";
import { type Room, runAll, type Turn } from "./schedule.ts";

interface Stage extends Turn {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The reason why this computer cannot run the stage: it is told, and is no failure. */
  readonly whyNot?: () => Promise<string | undefined>;
}

/** What a machine and another stage take, in bytes. Where less is free, a machine has the computer for itself. */
const MEMORY = 8 * 2 ** 30;

const mocha = (name: string, pattern: string, more: Omit<Stage, "name" | "command"> = {}): Stage => ({
  name,
  // Without npx in between, which would not hand signals on.
  command: [process.execPath, "--import", "tsx", "node_modules/mocha/lib/cli/cli.js", pattern],
  ...more,
});

/** A host may forbid containers altogether, as some that are containers themselves do. */
async function noEngine(): Promise<string | undefined> {
  return await findEngine().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

async function noBrowser(): Promise<string | undefined> {
  return (await findBrowser()) ? undefined : "there is no Chromium: install it, or set CLOISTER_BROWSER";
}

/**
 * In the order in which they begin. The first two tell the commonest mistakes at once. Then the longest is first: a long one that begins
 * last would have one processor busy and the other idle.
 */
const STAGES: readonly Stage[] = [
  { name: "typecheck", command: ["npm", "run", "-s", "typecheck"] },
  { name: "lint", command: ["npm", "run", "-s", "lint"] },
  mocha("vm", "test/vm/machine.test.ts", { needsMachine: true }),
  mocha("unit", "test/unit/**/*.test.ts"),
  mocha("engine", "test/engine/**/*.test.ts", { needsPulumi: true }),
  mocha("vm-aws", "test/vm/aws.test.ts", { needsMachine: true }),
  mocha("container", "test/container/**/*.test.ts", { whyNot: noEngine, needsPulumi: true }),
  {
    name: "rehearse",
    // The stack dev lives through more in the stage engine.
    command: [process.execPath, "--import", "tsx", "rehearsal/main.ts", "--stack", "staging", "prod"],
    needsPulumi: true,
  },
  mocha("sandbox", "test/sandbox/**/*.test.ts"),
  mocha("pages", "test/pages/**/*.test.ts", { whyNot: noBrowser }),
];
const ARM64: readonly Stage[] = [
  mocha("vm (arm64)", "test/vm/machine.test.ts", {
    env: { CLOISTER_TEST_ARCHITECTURE: "arm64" },
    needsMachine: true,
  }),
];

interface Outcome {
  readonly stage: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  /** The test runner's account of what failed, cut to its first lines. */
  readonly failures: readonly string[];
}

/** Most lines of a stage's failures that are told again at the end. */
const FAILURE_LINES = 60;

const options = new Command("npm test --")
  .option("--only <stage...>", `run only these stages: ${STAGES.map(({ name }) => name).join(", ")}`)
  .option("--arm64", "boot and verify an emulated arm64 machine")
  .parse()
  .opts<{ only?: string[]; arm64?: boolean }>();

const known = options.arm64 ? ARM64 : STAGES;
const unknown = (options.only ?? []).filter((name) => !known.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`unknown stage ${unknown.join(", ")}: one of ${known.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const children = new Set<ReturnType<typeof spawn>>();
let stopped: NodeJS.Signals | undefined;
let preparing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // Without a stage there is nothing to take down.
    if (children.size === 0) process.exit(1);
    stopped ??= signal;
    for (const child of children) child.kill(signal);
  });
}

const stages = known.filter(({ name }) => !options.only || options.only.includes(name));
const architecture = options.arm64 ? "arm64" : hostArchitecture();
try {
  await ensureSystemPackages({ arch: architecture, groups: allGroups, report: (line) => console.log(line) });
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}

/** Makes images and toolchain: a first build takes longer than any test's time limit. */
async function prepareStages(): Promise<void> {
  preparing = true;
  if (stages.some(({ needsMachine }) => needsMachine)) await prepare(architecture, "auto");
  else if (stages.some(({ needsPulumi }) => needsPulumi)) {
    await ensureToolchain({ report: (line) => console.log(line), deep: false });
  }
  preparing = false;
}

const outcomes: Outcome[] = [];
const notRun: { stage: string; why: string }[] = [];
const room: Room = { stages: Math.min(2, availableParallelism()), machineBesides: freemem() > MEMORY };
const turns: Promise<void>[] = [];
let broken: string | undefined;
try {
  await runAll(
    stages,
    room,
    (stage) => {
      const begun = turn(stage);
      turns.push(begun);
      return begun;
    },
    prepareStages,
  );
} catch (error) {
  // What runs takes down what it made, and its result is told.
  broken = (error as Error).message;
  for (const child of children) child.kill("SIGTERM");
  await Promise.allSettled(turns);
}
outcomes.sort((one, other) => place(one.stage) - place(other.stage));
const table = new Table({ head: ["stage", "result", "tests", "seconds"], style: { head: [], border: [] } });
for (const { stage, ok, seconds, passed, failed } of outcomes) {
  table.push([stage, ok ? "ok" : "FAILED", passed + failed || "", seconds.toFixed(1)]);
}
for (const { stage } of notRun) table.push([stage, "NOT RUN", "", ""]);
console.log(`\n${table.toString()}\n`);
for (const { stage, why } of notRun) console.log(`${stage} did not run: ${why}\n`);
// Again at the end: a log that is cut has lost the place where it happened.
for (const { stage, failures } of outcomes) {
  if (failures.length > 0) console.log(`=== ${stage}: what failed\n${failures.join("\n")}\n`);
}
// A stage without tests of its own (types, lint) counts as one.
const sum = (pick: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const passed = sum(({ ok, passed, failed }) => passed + (ok && passed + failed === 0 ? 1 : 0));
const failed = sum(({ ok, failed }) => failed + (!ok && failed === 0 ? 1 : 0));
console.log(`${passed} passed, ${failed} failed`);
if (stopped)
  console.log(`stopped by ${stopped}: ${stages.length - outcomes.length - notRun.length} stages did not run`);
if (broken !== undefined) console.error(broken);
process.exitCode = failed > 0 || stopped || broken !== undefined ? 1 : 0;

function place(name: string): number {
  return known.findIndex((stage) => stage.name === name);
}

async function turn(stage: Stage): Promise<void> {
  if (stopped) return;
  const why = await stage.whyNot?.();
  // A signal may have come while that was asked.
  if (stopped) return;
  console.log(`\n=== ${stage.name}`);
  if (why === undefined) outcomes.push(await run(stage));
  else notRun.push({ stage: stage.name, why });
}

/** Runs one stage, its output passed through; mocha's counts are read from its closing lines. */
async function run(stage: Stage): Promise<Outcome> {
  const startedAt = Date.now();
  const [program = "", ...args] = stage.command;
  const running = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...stage.env } });
  children.add(running);
  // Lines of two stages are told apart.
  const mark = room.stages > 1 && stages.length > 1 ? `${stage.name} | ` : "";
  let passed = 0;
  let failed = 0;
  const failures: string[] = [];
  const ended = new Promise<number>((resolve, reject) => {
    running.once("error", reject);
    running.once("exit", (code) => resolve(code ?? 1));
  });
  for await (const line of createInterface({ input: running.stdout })) {
    console.log(mark + line);
    passed += Number(/^\s+(\d+) passing\b/.exec(line)?.[1] ?? 0);
    failed += Number(/^\s+(\d+) failing\b/.exec(line)?.[1] ?? 0);
    if (failed > 0 && failures.length < FAILURE_LINES) failures.push(line.slice(0, 300));
  }
  const ok = (await ended) === 0;
  children.delete(running);
  // What is being made is made again the next time.
  if (stopped && preparing && children.size === 0) process.exit(1);
  return { stage: stage.name, ok, seconds: (Date.now() - startedAt) / 1000, passed, failed, failures };
}
