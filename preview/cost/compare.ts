import type { Settings } from "../../infra/settings/settings.ts";
import { cents, type Estimate, estimate, type Range } from "./estimate.ts";

/** Before, after and the difference of one line. */
export interface ComparedLine {
  readonly what: string;
  readonly before: Range;
  readonly after: Range;
  readonly delta: Range;
}

export interface Compared {
  readonly lines: readonly ComparedLine[];
  readonly sum: Omit<ComparedLine, "what">;
  /** The same with pools as large as their schedules ask for. Null: no pool's schedules or price differ. */
  readonly usual: Omit<ComparedLine, "what"> | null;
  readonly prices: Estimate["prices"];
}

const NOTHING: Range = { least: 0, most: 0 };

/** The costs of a stack before and after. Undefined settings: there is no such stack. */
export function compared(before: Settings | undefined, after: Settings | undefined): Compared {
  const [old, now] = [estimate(before), estimate(after)];
  const names = [...new Set([...old.lines, ...now.lines].map(({ what }) => what))];
  const find = ({ lines }: Estimate, what: string): Range => lines.find((one) => one.what === what) ?? NOTHING;
  const row = (one: Range, other: Range): Omit<ComparedLine, "what"> => ({
    before: { least: one.least, most: one.most },
    after: { least: other.least, most: other.most },
    delta: difference(one, other),
  });
  return {
    lines: names.map((what) => ({ what, ...row(find(old, what), find(now, what)) })),
    sum: row(old.sum, now.sum),
    usual: differsBySchedule(before, after) ? row(estimate(before, true).sum, estimate(after, true).sum) : null,
    prices: (after ? now : old).prices,
  };
}

/** Tells whether a pool with schedules is another one after the change. */
function differsBySchedule(before: Settings | undefined, after: Settings | undefined): boolean {
  const pools = (settings: Settings | undefined): string =>
    JSON.stringify(
      Object.entries(settings?.pools ?? {}).filter(([, { schedules }]) => Object.keys(schedules).length > 0),
    );
  return pools(before) !== pools(after);
}

/** The difference of two ranges. Where one side is not known, neither is the difference: it is no saving. */
export function difference(before: Range, after: Range): Range {
  const of = (one: number | null, other: number | null): number | null =>
    one === null || other === null ? null : cents(other - one);
  return { least: of(before.least, after.least), most: of(before.most, after.most) };
}

/** `12.00`, `12.00 to 40.00`, `not known`. */
export function rangeText({ least, most }: Range, signed = false): string {
  const text = (usd: number | null): string => {
    if (usd === null) return "not known";
    const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    const amount = Math.abs(usd).toLocaleString("en", digits);
    if (!signed) return amount;
    return usd === 0 ? "±0.00" : `${usd > 0 ? "+" : "−"}${amount}`;
  };
  if (least === most) return text(least);
  // A difference goes from the smaller to the larger change.
  const isTurned =
    signed && least !== null && most !== null && (least * most < 0 ? least > most : Math.abs(least) > Math.abs(most));
  return isTurned ? `${text(most)} to ${text(least)}` : `${text(least)} to ${text(most)}`;
}
