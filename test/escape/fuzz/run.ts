import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { runText } from "../batch.ts";
import type { Row } from "../check.ts";
import type { Machine } from "../support/machine.ts";
import { type Act, type Round, roundOf } from "./generate.ts";

const PROGRAM = readFileSync(join(import.meta.dirname, "round.py"), "utf8");
const CANARY = /canary-[0-9a-f]{24}/;

/**
 * Rounds of arrangements against the acts of the machine, until the time is over; the first always, so that a run that has no
 * time says something too. What was counted before must be as many afterwards.
 */
export async function runFuzz(machine: Machine, report: (line: string) => void): Promise<Row> {
  const { scale } = machine;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const problems: string[] = [];
  let rounds = 0;
  let arranged = 0;
  // In little time: two acts in a round, and the wall `leftovers` counts.
  const counted = async () => (scale.quick ? {} : await count(machine));
  const before = await counted();
  do {
    const whole = roundOf(scale.seed + rounds);
    const round = scale.quick ? { ...whole, acts: whole.acts.slice(0, 2) } : whole;
    const outcome = await play(machine, round);
    rounds++;
    if (outcome.arranged) arranged++;
    problems.push(...outcome.problems.map((problem) => `seed ${round.seed}: ${problem}`));
    report(
      `fuzz: seed ${round.seed}, ${round.pieces.length} pieces, ${round.acts.join(", ")}: ${outcome.problems.join("; ") || "held"}`,
    );
  } while (seconds() < scale.fuzzSeconds);
  const after = await counted();
  const more = Object.keys(before).filter((name) => (after[name] ?? 0) > (before[name] ?? 0));
  if (!scale.quick && (more.length > 0 || Object.keys(before).length === 0)) {
    problems.push(`more than before: ${more.join(", ")}; ${JSON.stringify(before)}, ${JSON.stringify(after)}`);
  }
  return {
    id: "fuzz.arrangements",
    wall: "fuzz",
    what: `Links, swaps, races, odd names and types, deep trees against every act of the machine: ${rounds} rounds from seed ${scale.seed}.`,
    source: "fuzzing",
    verdict: problems.length > 0 ? "broken" : arranged === rounds ? "held" : "unproven",
    attack: problems.join(" | ") || `no canary was read, changed or joined in ${rounds} rounds`,
    control: `${arranged} of ${rounds} rounds: the session arranged its pieces`,
    seconds: seconds(),
  };
}

/** One round; also `npm run test:escape -- --wall fuzz --seed N --fuzz-seconds 0`. */
async function play(machine: Machine, round: Round): Promise<{ problems: string[]; arranged: boolean }> {
  const tag = randomBytes(4).toString("hex");
  const ground = `/sessions/folders/escape-${tag}`;
  const here = await mkdtemp(join(tmpdir(), "cloister-fuzz-"));
  try {
    const [outcomes, copied] = await Promise.all([
      runText(machine, "fuzz", PROGRAM, { tag, round }).catch((error: Error) => error),
      copy(machine, { ground, here, acts: round.acts, patience: 30 * machine.scale.slowness }),
    ]);
    if (outcomes instanceof Error) return { problems: [...copied, outcomes.message], arranged: false };
    const { attack, control, error } = outcomes["fuzz.round"] ?? {};
    const found = attack?.held === false || error !== undefined ? [attack?.saw ?? error ?? "?"] : [];
    return { problems: [...copied, ...found], arranged: control?.works ?? false };
  } finally {
    await rm(here, { recursive: true, force: true });
  }
}

interface Copying {
  readonly ground: string;
  readonly here: string;
  readonly acts: readonly Act[];
  /** Seconds until the session must have arranged. */
  readonly patience: number;
}

/** The acts of this computer, while the session's races run. */
async function copy(machine: Machine, { ground, here, acts, patience }: Copying): Promise<string[]> {
  if (!acts.some((act) => act.startsWith("copy"))) return [];
  const wait = 'i=0; until [ -e "$1/arranged" ] || [ $i -gt $2 ]; do sleep 1; i=$((i+1)); done; [ -e "$1/arranged" ]';
  const ready = await machine.root(["sh", "-c", wait, "sh", ground, String(patience)]);
  const problems: string[] = [];
  if (ready.exitCode === 0 && acts.includes("copy-out")) {
    const out = await machine.operator(["cp", `:${ground}/d`, join(here, "out")]);
    problems.push(...(await found(join(here, "out"))));
    if (out.exitCode === 255) problems.push("the copy from the machine did not end");
  }
  if (ready.exitCode === 0 && acts.includes("copy-in")) {
    await writeFile(join(here, "canary"), "pwned");
    // To the very names that links of the session's have.
    for (const to of [`:${ground}/d/a`, `:${ground}/d/a/canary`])
      await machine.operator(["cp", join(here, "canary"), to]);
  }
  await machine.root(["sh", "-c", '[ -d "$1" ] && touch "$1/copied"', "sh", ground]);
  return problems;
}

/** Canaries and set-id bits in what was copied here. */
async function found(folder: string): Promise<string[]> {
  const problems: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined || info.isSymbolicLink()) continue;
    if (info.mode & 0o6000) problems.push("a copy here has set-id bits");
    if (!info.isFile() || info.size > 1_000_000) continue;
    if (CANARY.test(await readFile(path, "latin1").catch(() => ""))) problems.push("a copy here holds a canary");
  }
  return [...new Set(problems)];
}

/** Counts of the machine that sessions must not raise for good; fewer are well: something else has ended. */
async function count(machine: Machine): Promise<Readonly<Record<string, number>>> {
  const outcomes = await runText(
    machine,
    "counts",
    'session("say({})")\ntime.sleep(1)\nattack("fuzz.counts", True, counts())',
    {},
  );
  return z.record(z.string(), z.number()).parse(JSON.parse(outcomes["fuzz.counts"]?.attack?.saw ?? "{}"));
}
