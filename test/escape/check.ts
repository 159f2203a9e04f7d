import type { Machine } from "./support/machine.ts";

/** Result of an attack. */
export interface Attack {
  /** True when the wall held: the attack got nothing. */
  readonly held: boolean;
  /** Observations in words: numbers, error names, what was read. It may hold what a session wrote: it is hostile. */
  readonly saw: string;
}

/**
 * Result of the control: the same deed where it is allowed, or by who may do it. Without it a refusal proves nothing: the
 * attack might never have been possible.
 */
export interface Control {
  readonly works: boolean;
  readonly saw: string;
}

/** This machine has nothing to attack here, and why. */
export interface Absent {
  readonly absent: string;
}

/** One attack on one wall, with its positive control. */
export interface Check {
  /** `wall.name`, unique in the suite. */
  readonly id: string;
  readonly wall: string;
  /** Description of the attack, for a reader of the report. */
  readonly what: string;
  /** Item of the list, or the reference's section. */
  readonly source: string;
  /** True for what takes long: `npm test` leaves it to `npm run test:escape`. Default: false. */
  readonly slow?: boolean;
  /** Seconds that its program says it took, once it was made; nothing where its wall does not tell. */
  seconds?(machine: Machine): Promise<number | undefined>;
  attack(machine: Machine): Promise<Attack | Absent>;
  control(machine: Machine): Promise<Control>;
}

/** One wall: a file of `walls/`. */
export interface Wall {
  readonly name: string;
  /** The wall's promise, in a sentence. */
  readonly keeps: string;
  readonly checks: readonly Check[];
}

/**
 * `held`: the attack failed, and the control worked. `broken`: the attack succeeded. `unproven`: the attack failed, but so did
 * the control. `absent`: there is nothing to attack on this machine. `error`: one of the two could not be made.
 */
export type Verdict = "held" | "broken" | "unproven" | "absent" | "error";

/** One row of the report. */
export interface Row {
  readonly id: string;
  readonly wall: string;
  readonly what: string;
  readonly source: string;
  readonly verdict: Verdict;
  readonly attack: string;
  readonly control: string;
  readonly seconds: number;
}

/** Makes one check. It never throws: what could not be made is a row too. */
export async function makeCheck(check: Check, machine: Machine): Promise<Row> {
  const { id, wall, what, source } = check;
  const started = performance.now();
  const row = (verdict: Verdict, attack: string, control: string): Row => {
    const seconds = told ?? (performance.now() - started) / 1000;
    return { id, wall, what, source, verdict, attack, control, seconds };
  };
  const attack = await settle(() => check.attack(machine));
  // A wall's program runs with its first check: the times of checks are the program's to tell.
  const told = attack instanceof Error ? undefined : await check.seconds?.(machine);
  if (attack instanceof Error) return row("error", attack.message, "");
  if ("absent" in attack) return row("absent", attack.absent, "");
  const control = await settle(() => check.control(machine));
  if (control instanceof Error) return row(attack.held ? "error" : "broken", attack.saw, control.message);
  const verdict = !attack.held ? "broken" : control.works ? "held" : "unproven";
  return row(verdict, attack.saw, control.saw);
}

/** True when a row lets the suite pass. */
export const passes = ({ verdict }: Pick<Row, "verdict">): boolean => verdict === "held" || verdict === "absent";

/** Why a row fails, in words; nothing where it passes. */
export function rowFails(row: Row): string | undefined {
  if (passes(row)) return undefined;
  return `${row.id} ${row.verdict}. Attack: ${row.attack} Control: ${row.control}`;
}

async function settle<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
