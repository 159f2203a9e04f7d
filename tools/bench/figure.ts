import { type Spread, spread } from "./statistics.ts";

/** One figure: a measured thing, what it is compared with, and what was promised. */
export interface Figure {
  readonly what: string;
  readonly measured: Spread;
  readonly unit: "s" | "ms" | "MB" | "MiB" | "KB" | "bytes" | "calls";
  /** The figure that it is compared with, measured in turn with it in the same run. */
  readonly against?: { readonly what: string; readonly measured: Spread };
  /** Upper bound: of the ratio where there is something to compare with, else of the median. */
  readonly bound?: number;
  readonly note?: string;
}

/** Ratio of the medians. */
export function ratio(figure: Figure): number | undefined {
  return figure.against ? figure.measured.median / figure.against.measured.median : undefined;
}

/** Makes a figure of two series that were measured in turn. */
export function compared(
  what: string,
  measured: readonly number[],
  against: string,
  other: readonly number[],
  rest: Pick<Figure, "unit" | "bound" | "note">,
): Figure {
  return { what, measured: spread(measured), against: { what: against, measured: spread(other) }, ...rest };
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));
const inWords = ({ least, median, most, runs }: Spread, unit: string): string =>
  runs === 1
    ? `${number(median)} ${unit}`
    : `${number(median)} ${unit} (${number(least)} to ${number(most)}, ${runs} runs)`;

/** A figure as a row of a Markdown table. */
export function row(figure: Figure): string {
  const { what, measured, unit, against, bound, note } = figure;
  const result = ratio(figure);
  const seen = result ?? measured.median;
  const promise = bound === undefined ? "" : `${result === undefined ? `${bound} ${unit}` : `${bound}x`}`;
  return `| ${[
    what,
    inWords(measured, unit),
    against ? `${against.what}: ${inWords(against.measured, unit)}` : "",
    result === undefined ? "" : `**${result.toFixed(2)}x**`,
    promise === "" ? "" : `${promise}: ${seen <= (bound ?? Infinity) ? "kept" : "**missed**"}`,
    note ?? "",
  ].join(" | ")} |`;
}
