/**
 * AWS's on-demand Linux prices in US dollars, by region, from its public price list. Without taxes and traffic. A price that
 * is not here is not known.
 */

/** Prices of one region. */
export interface RegionPrices {
  /** Day or month of the price list. */
  readonly date: string;
  /** An hour of an instance, by type. */
  readonly hourly: Readonly<Record<string, number>>;
  /** A GiB and month of a gp3 disk, and of snapshots. */
  readonly gp3GiB: number;
  readonly snapshotGiB: number;
  readonly natHour: number;
  /** An hour of an interface endpoint in one zone. */
  readonly endpointHour: number;
}

export const PRICES: Readonly<Record<string, RegionPrices>> = {
  "us-east-1": {
    date: "2026-01",
    hourly: {
      "c8g.large": 0.07976,
      "c8g.xlarge": 0.15952,
      "c8g.2xlarge": 0.31904,
      "m8g.large": 0.08976,
      "m8g.xlarge": 0.17952,
      "r8g.large": 0.11784,
      "r8g.xlarge": 0.23568,
    },
    gp3GiB: 0.08,
    snapshotGiB: 0.05,
    natHour: 0.045,
    endpointHour: 0.01,
  },
};

/** The cheapest region: its prices are the least that another region's may be. */
const CHEAPEST = "us-east-1";

/** The prices for a region; of the cheapest one where its own are not known. */
export function pricesFor(region: string): RegionPrices & { readonly region: string } {
  const own = Object.hasOwn(PRICES, region) ? PRICES[region] : undefined;
  const found = own ?? (PRICES[CHEAPEST] as RegionPrices);
  return { ...found, region: own ? region : CHEAPEST };
}
