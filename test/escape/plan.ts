import { InvalidArgumentError } from "commander";
import { passes, type Row, type Wall } from "./check.ts";
import { chooseWalls, quickWalls } from "./suite.ts";
import { inContainer } from "./support/container-walls.ts";

export const FUZZ_WALL = {
  name: "fuzz",
  keeps: "Whatever a session arranges in its folders, no act of the machine is led astray.",
} as const;

/** What a run attacks. */
export interface Plan {
  readonly walls: readonly Wall[];
  readonly fuzz: boolean;
}

/** A number of the command line, without signs, exponents or other bases. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new InvalidArgumentError("write a whole number.");
  }
  return Number(text);
}

/** The same, from 1 on. */
export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("write a whole number from 1 on.");
  return value;
}

/**
 * Plans a run, before a machine is booted.
 *
 * @throws when a name is no wall's, or when nothing would be attacked
 */
export function planOf(
  all: readonly Wall[],
  options: {
    readonly wall?: readonly string[];
    readonly container?: boolean;
    readonly quick?: boolean;
    readonly fuzz: boolean;
  },
): Plan {
  const names = options.wall?.filter((name) => name !== FUZZ_WALL.name);
  const here = options.container ? inContainer(all) : all;
  const walls = names?.length === 0 ? [] : chooseWalls(options.quick ? quickWalls(here) : here, names);
  // The fuzzer's rounds keep, remove and copy, which a container does not.
  const fuzz =
    !options.container && (options.wall === undefined ? options.fuzz : options.wall.includes(FUZZ_WALL.name));
  if (!fuzz && walls.every(({ checks }) => checks.length === 0)) {
    throw new Error("nothing would be attacked: the fuzzer is for machines, and no wall is left");
  }
  return { walls, fuzz };
}

/** What a run ends with: its last lines, and its exit code. */
export function outcomeOf(rows: readonly Row[], seed: number): { lines: string[]; exitCode: 0 | 1 } {
  const failed = rows.filter((row) => !passes(row));
  const absent = rows.filter(({ verdict }) => verdict === "absent").length;
  const again = [...new Set(failed.map(({ wall }) => wall))].join(" ");
  const nothing = absent === 0 ? "" : `; ${absent} of them had nothing to attack here`;
  const lines = [`${rows.length - failed.length} of ${rows.length} checks passed${nothing}`];
  if (failed.length > 0) lines.push(`again: npm run test:escape -- --seed ${seed} --wall ${again}`);
  return { lines, exitCode: failed.length > 0 || rows.length === 0 ? 1 : 0 };
}
