import { pricesFor } from "../../infra/aws/plan/prices.ts";
import type { Settings } from "../../infra/settings/settings.ts";
import type { Cost, MachineEffect } from "../change-set/document.ts";
import { compared } from "../cost/compare.ts";
import { cents, rollCost } from "../cost/estimate.ts";

/** Something with data that leaves the stack. */
export interface Leaving {
  readonly kind: string;
  readonly name: string;
  /** The size of a disk; 0 for other kinds. */
  readonly gib: number;
  /** True when it stays in the account. When a disk goes, its snapshots stay. */
  readonly stays: boolean;
}

/** The price of one for a month, which does not depend on its content. */
const EACH: Readonly<Record<string, number>> = { key: 1, secret: 0.4 };

/**
 * The costs of a stack for a month before and after, from the least to the most. A price that is not known makes a sum
 * unknown: it never looks like a saving. Undefined settings mean that there is no such stack.
 */
export function costOf(
  before: Settings | undefined,
  after: Settings | undefined,
  leaving: readonly Leaving[],
  keep: number,
  effects: readonly MachineEffect[],
): Cost {
  const { lines, sum, usual, prices } = compared(before, after);
  const { gp3GiB, snapshotGiB } = pricesFor((after ?? before)?.region ?? "");
  const left = leaving.flatMap(({ kind, name, gib, stays }) => {
    if (kind !== "disk") {
      const usd = stays ? EACH[kind] : undefined;
      return usd === undefined ? [] : [{ what: `${kind} ${name}`, least: usd, most: usd }];
    }
    const of = (price: number | undefined, count: number): number | null =>
      price === undefined ? null : cents(count * price);
    const disk = of(gp3GiB, gib);
    return stays
      ? [{ what: `disk ${name}, ${gib} GiB`, least: disk, most: disk }]
      : keep === 0
        ? []
        : [{ what: `snapshots of ${name}`, least: 0, most: of(snapshotGiB, gib * keep) }];
  });
  const once = effects.flatMap(({ effect, kind, name, minutes }) => {
    if (effect !== "rolls" || kind !== "pool" || minutes === null || after === undefined) return [];
    const pool = name.replace(/ \(group .*\)$/, "");
    return [{ what: `pool ${pool} rolls`, ...rollCost(after, pool, minutes) }];
  });
  return { ...sum, usual, lines: lines.filter(isChanged), left, once, prices };
}

/** A line is left out when it is known and stays. */
function isChanged({ before, after }: { readonly before: Cost["before"]; readonly after: Cost["after"] }): boolean {
  const known = [before, after].every(({ least, most }) => least !== null && most !== null);
  return !known || before.least !== after.least || before.most !== after.most;
}
