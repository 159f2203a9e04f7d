import { type CostLine, GP3_GIB, monthlyEstimate, SNAPSHOT_GIB } from "../../infra/aws/plan/price.ts";
import type { Settings } from "../../infra/settings/settings.ts";
import type { Cost } from "../change-set/document.ts";

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

const cents = (usd: number): number => Math.round(usd * 100) / 100;

/** Tells whether a price is not known. The estimate counts it as 0 and says so in its line. */
const isUnknown = ({ what }: CostLine): boolean => what.includes("price not known");

/**
 * The costs of a stack for a month before and after, at its least size. A price that is not known makes a sum unknown:
 * it never looks like a saving. Undefined settings mean that there is no such stack.
 */
export function costOf(
  before: Settings | undefined,
  after: Settings | undefined,
  leaving: readonly Leaving[],
  keep: number,
): Cost {
  const [old, wanted] = [linesOf(before), linesOf(after)];
  const names = [...new Set([...old, ...wanted].map(({ what }) => what))];
  const usd = (lines: readonly CostLine[], what: string): number | null => {
    const line = lines.find((one) => one.what === what);
    return line === undefined ? 0 : isUnknown(line) ? null : line.usd;
  };
  const lines = names
    .map((what) => ({ what, before: usd(old, what), after: usd(wanted, what) }))
    .filter((line) => line.before !== line.after || line.before === null);
  const left = leaving.flatMap(({ kind, name, gib, stays }) => {
    if (kind !== "disk") return stays && kind in EACH ? [{ what: `${kind} ${name}`, usd: EACH[kind] ?? 0 }] : [];
    return stays
      ? [{ what: `disk ${name}, ${gib} GiB`, usd: cents(gib * GP3_GIB) }]
      : [{ what: `snapshots of ${name}, at most`, usd: cents(gib * keep * SNAPSHOT_GIB) }];
  });
  return { before: sum(old), after: sum(wanted), lines, left };
}

function linesOf(settings: Settings | undefined): CostLine[] {
  return settings === undefined || settings.target !== "aws" ? [] : monthlyEstimate(settings);
}

const sum = (lines: readonly CostLine[]): number | null =>
  lines.some(isUnknown) ? null : cents(lines.reduce((all, { usd }) => all + usd, 0));
