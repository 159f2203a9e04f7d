/**
 * AWS's on-demand Linux prices in US dollars, by region, from its public price list. Without taxes and traffic. A price that
 * is not here is not known.
 */
import { instanceSize } from "./graviton.ts";

/** Prices of one region. */
export interface RegionPrices {
  readonly region: string;
  /** Month of the price list. */
  readonly date: string;
  /** An hour of an instance; undefined where it is not known. Within a family prices go by vCPUs. */
  readonly hourly: (type: string) => number | undefined;
  /** A GiB and month of a gp3 disk, and of snapshots. */
  readonly gp3GiB: number;
  readonly snapshotGiB: number;
  /** An hour of a NAT gateway with its public address. */
  readonly natHour: number;
  /** An hour of an interface endpoint in one zone. */
  readonly endpointHour: number;
  /** An instance's seven metrics of every minute, a month. */
  readonly detailed: number;
  /** An alarm, a month. */
  readonly alarm: number;
  /** Key, secret and dashboard, a month. */
  readonly fixed: number;
}

const DATE = "2026-01";

/** An hour of a vCPU in us-east-1. */
const VCPU_HOUR: Readonly<Record<string, number>> = { c8g: 0.03988, m8g: 0.04488, r8g: 0.05892 };

/**
 * Prices of other regions by those of us-east-1, about: the proportion of one small instance's price (t2.micro). What a region
 * that is not here costs is not known.
 */
const REGION: Readonly<Record<string, number>> = {
  "us-east-1": 1,
  "us-east-2": 1,
  "us-west-2": 1,
  "us-west-1": 1.19,
  "ca-central-1": 1.1,
  "eu-central-1": 1.16,
  "eu-west-1": 1.09,
  "eu-west-2": 1.14,
  "eu-west-3": 1.14,
  "ap-south-1": 1.07,
  "ap-northeast-1": 1.31,
  "ap-northeast-2": 1.24,
  "ap-southeast-1": 1.26,
  "ap-southeast-2": 1.26,
};

/** The cheapest region: its prices are the least that another region's may be. */
const CHEAPEST = "us-east-1";

/** The prices of a region; undefined where they are not known. */
export function knownPrices(region: string): RegionPrices | undefined {
  return Object.hasOwn(REGION, region) ? regionPrices(region, REGION[region] ?? 1) : undefined;
}

/** The prices for a region; of the cheapest one where its own are not known. */
export function pricesFor(region: string): RegionPrices {
  return knownPrices(region) ?? regionPrices(CHEAPEST, 1);
}

function regionPrices(region: string, factor: number): RegionPrices {
  return {
    region,
    date: DATE,
    hourly: (type) => {
      const price = VCPU_HOUR[type.split(".")[0] ?? ""];
      const cpus = instanceSize(type)?.cpus;
      return price === undefined || cpus === undefined ? undefined : price * cpus * factor;
    },
    gp3GiB: 0.08 * factor,
    snapshotGiB: 0.05 * factor,
    natHour: (0.045 + 0.005) * factor,
    endpointHour: 0.01 * factor,
    detailed: 2.1 * factor,
    alarm: 0.1 * factor,
    fixed: (1 + 0.4 + 3) * factor,
  };
}
