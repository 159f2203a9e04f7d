/**
 * AWS's on-demand Linux prices in US dollars, by region, without taxes and traffic: `prices.json`, which
 * `npm run cost:prices` renews. A price that is not there is not known.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { instanceSize } from "./graviton.ts";

/** Prices of one region. Undefined: not known, which is never nothing. */
export interface RegionPrices {
  readonly region: string;
  /** Day or month of the price list. */
  readonly date: string;
  /** True where they are not the region's own prices but in proportion to another's. */
  readonly about: boolean;
  /** An hour of an instance. Within most families prices go by vCPUs. */
  readonly hourly: (type: string) => number | undefined;
  /** A GiB and month of a gp3 disk, and of snapshots. */
  readonly gp3GiB: number | undefined;
  readonly snapshotGiB: number | undefined;
  /** An hour of a NAT gateway with its public address. */
  readonly natHour: number | undefined;
  /** An hour of an interface endpoint in one zone. */
  readonly endpointHour: number | undefined;
  /** An instance's seven metrics of every minute, a month. */
  readonly detailed: number | undefined;
  /** An alarm, a month. */
  readonly alarm: number | undefined;
  /** Key, secret and dashboard, a month. */
  readonly fixed: number | undefined;
}

const price = z.number().positive().nullable().describe("US dollars; null: not known");

const regionSchema = z.strictObject({
  source: z.string().describe("where the prices are from"),
  date: z.string().regex(/^\d{4}-\d{2}(?:-\d{2})?$/),
  about: z.boolean().describe("true: in proportion to another region's prices"),
  vcpuHour: z.record(z.string(), z.number().positive()).describe("an hour of a vCPU, by family"),
  typeHour: z.record(z.string(), z.number().positive()).describe("an hour of types that do not go by vCPUs"),
  gp3GiB: price,
  snapshotGiB: price,
  natGatewayHour: price,
  addressHour: price,
  endpointHour: price,
  metricMonth: price,
  alarmMonth: price,
  fixedMonth: price.describe("key, secret and dashboard"),
});
const tableSchema = z.strictObject({ regions: z.record(z.string(), regionSchema) });

/** The table of all regions, as `prices.json` has it. */
export type PriceTable = z.infer<typeof tableSchema>;
/** One region of the table. */
export type PriceRow = z.infer<typeof regionSchema>;

export const PRICE_FILE = new URL("./prices.json", import.meta.url);

/** Metrics of an instance that is monitored in detail. */
const METRICS = 7;
/** The cheapest region: its prices are the least that another region's may be. */
const CHEAPEST = "us-east-1";

let table: PriceTable | undefined;

/** Reads a table. @throws Error when it is none */
export const readPrices = (text: string): PriceTable => tableSchema.parse(JSON.parse(text));

const rows = (): PriceTable["regions"] => {
  table ??= readPrices(readFileSync(PRICE_FILE, "utf8"));
  return table.regions;
};

/** The prices of a region; undefined where they are not known. */
export function knownPrices(region: string): RegionPrices | undefined {
  const row = Object.hasOwn(rows(), region) ? rows()[region] : undefined;
  return row && regionPrices(region, row);
}

/** The regions that are in the table, in alphabetical order. */
export const pricedRegions = (): string[] => Object.keys(rows()).sort();

/** The prices for a region; of the cheapest one where its own are not known. */
export function pricesFor(region: string): RegionPrices {
  const known = knownPrices(region) ?? knownPrices(CHEAPEST);
  if (!known) throw new Error(`prices.json has no region ${CHEAPEST}`);
  return known;
}

/** What a row of the table says in the program's terms. */
export function regionPrices(region: string, row: PriceRow): RegionPrices {
  const known = (one: number | null): number | undefined => one ?? undefined;
  const product = (one: number | null, count: number): number | undefined => (one === null ? undefined : one * count);
  return {
    region,
    date: row.date,
    about: row.about,
    hourly: (type) => {
      if (Object.hasOwn(row.typeHour, type)) return row.typeHour[type];
      const family = type.split(".")[0] ?? "";
      const vcpu = Object.hasOwn(row.vcpuHour, family) ? row.vcpuHour[family] : undefined;
      const cpus = instanceSize(type)?.cpus;
      return vcpu === undefined || cpus === undefined ? undefined : vcpu * cpus;
    },
    gp3GiB: known(row.gp3GiB),
    snapshotGiB: known(row.snapshotGiB),
    natHour: row.natGatewayHour === null || row.addressHour === null ? undefined : row.natGatewayHour + row.addressHour,
    endpointHour: known(row.endpointHour),
    detailed: product(row.metricMonth, METRICS),
    alarm: known(row.alarmMonth),
    fixed: known(row.fixedMonth),
  };
}
