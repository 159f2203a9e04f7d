import { rename, rm, writeFile } from "node:fs/promises";
import { instanceSize } from "../../../infra/aws/plan/graviton.ts";
import { type PriceRow, type PriceTable, readPrices } from "../../../infra/aws/plan/prices.ts";
import { type ListedPrices, type ReadOptions, readRegion } from "./read.ts";
import { SINGLE, type Single } from "./rules.ts";

/** What a refresh of one region found. */
export interface RefreshedRegion {
  readonly region: string;
  readonly row: PriceRow;
  /** Prices that the list does not have, or has two of. They are not known. */
  readonly unknown: readonly string[];
}

/** Sizes of one family go by vCPUs when they differ by no more than this, in parts of one. */
const SAME = 0.005;
/** Key, secret and dashboard, a month: the same in all regions by AWS's pages of 2026-01, and not read from the list. */
const FIXED = 1 + 0.4 + 3;

/**
 * Reads the prices of some regions anew.
 *
 * @returns the table with these regions; all others are as they were
 * @throws Error when one of them cannot be read: then there is no new table
 */
export async function refreshed(
  table: PriceTable,
  regions: readonly string[],
  options: ReadOptions = {},
  report: (line: string) => void = () => {},
): Promise<{ readonly table: PriceTable; readonly regions: readonly RefreshedRegion[] }> {
  const all: RefreshedRegion[] = [];
  for (const region of regions) {
    report(`${region}: reading AWS's price list (some hundreds of megabytes)`);
    all.push(regionOf(region, await readRegion(region, options)));
  }
  const rows = Object.fromEntries(all.map(({ region, row }) => [region, row]));
  const merged = Object.entries({ ...table.regions, ...rows }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { table: { regions: Object.fromEntries(merged) }, regions: all };
}

/** Makes a row of the table of what a list has. */
export function regionOf(region: string, { date, found }: ListedPrices): RefreshedRegion {
  const unknown: string[] = [];
  const single = (price: Single): number | null => {
    const all = [...new Set(found.flatMap((one) => ("price" in one && one.price === price ? [one.usd] : [])))];
    const [usd] = all;
    if (all.length === 1 && usd !== undefined) return usd;
    unknown.push(all.length === 0 ? price : `${price} (${all.join(", ")})`);
    return null;
  };
  const types = new Map<string, Set<number>>();
  for (const one of found) {
    if ("type" in one) types.set(one.type, (types.get(one.type) ?? new Set()).add(one.usd));
  }
  if (types.size === 0)
    throw new Error(
      `${region}: no instance type was found in AWS's price list. Its form has changed: nothing is taken`,
    );
  const hours = new Map<string, number>();
  for (const [type, all] of types) {
    const [usd] = all;
    if (all.size === 1 && usd !== undefined) hours.set(type, usd);
    else unknown.push(`${type} (${[...all].join(", ")})`);
  }
  const singles = Object.fromEntries(SINGLE.map((price) => [price, single(price)])) as Record<Single, number | null>;
  const row: PriceRow = {
    source: "AWS's public price list",
    date,
    about: false,
    ...byFamily(hours),
    ...singles,
    fixedMonth: FIXED,
  };
  return { region, row, unknown: unknown.sort() };
}

/** Prices of types as prices of vCPUs, where a family's sizes agree; of all others each by itself. */
function byFamily(hours: ReadonlyMap<string, number>): Pick<PriceRow, "vcpuHour" | "typeHour"> {
  const families = new Map<string, { type: string; usd: number; each: number }[]>();
  for (const [type, usd] of [...hours].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const family = type.split(".")[0] ?? "";
    const each = usd / (instanceSize(type)?.cpus ?? Number.NaN);
    families.set(family, [...(families.get(family) ?? []), { type, usd, each }]);
  }
  const [vcpuHour, typeHour]: [Record<string, number>, Record<string, number>] = [{}, {}];
  for (const [family, sizes] of families) {
    // The largest size's price has the most digits.
    const best = sizes.reduce((one, other) => (other.usd > one.usd ? other : one));
    if (sizes.every(({ each }) => Math.abs(each / best.each - 1) <= SAME)) vcpuHour[family] = digits(best.each);
    else for (const { type, usd } of sizes) typeHour[type] = usd;
  }
  return { vcpuHour, typeHour };
}

const digits = (usd: number): number => Number(usd.toFixed(7));

/** Writes a table in one step: whoever reads the file has the old one or the new one. */
export async function writeTable(path: string, table: PriceTable): Promise<void> {
  const text = `${JSON.stringify(table, undefined, 2)}\n`;
  readPrices(text);
  const temporary = `${path}.${process.pid}.new`;
  try {
    await writeFile(temporary, text, { flag: "wx" });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
