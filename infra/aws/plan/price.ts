import type { Settings } from "../../settings/settings.ts";
import { endpointServices } from "../network/endpoints.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";
import { zonesOf } from "./zones.ts";

/** On-demand Linux prices of us-east-1 in US dollars, as of 2026-01. Other regions cost more; taxes and traffic come on top. */
const HOURLY: Readonly<Record<string, number>> = {
  "c8g.large": 0.07976,
  "c8g.xlarge": 0.15952,
  "c8g.2xlarge": 0.31904,
  "m8g.large": 0.08976,
  "m8g.xlarge": 0.17952,
  "r8g.large": 0.11784,
  "r8g.xlarge": 0.23568,
};
const HOURS = 730;
/** Of a disk, a GiB and month. */
export const GP3_GIB = 0.08;
/** Of snapshots, at most. */
export const SNAPSHOT_GIB = 0.05;
const NAT_HOUR = 0.045;
const ENDPOINT_HOUR = 0.01;

/** One line of the estimate, US dollars a month. */
export interface CostLine {
  readonly what: string;
  readonly usd: number;
}

/** The cost of a stack at its least size, without traffic. US dollars a month. A type without a known price counts as 0 and says so. */
export function monthlyEstimate(settings: Settings): CostLine[] {
  const zones = zonesOf(settings).length;
  const lines: CostLine[] = [];
  const add = (what: string, usd: number): void => void lines.push({ what, usd: Math.round(usd * 100) / 100 });
  const machines = (label: string, count: number, type: string, sessionGiB: number): void => {
    const hourly = HOURLY[type];
    add(
      `${label}: ${count} x ${type}${hourly === undefined ? " (price not known)" : ""}`,
      count * (hourly ?? 0) * HOURS,
    );
    add(`${label}: disks`, count * (settings.rootDiskGiB + sessionGiB) * GP3_GIB);
  };
  for (const name of Object.keys(settings.machines)) {
    const { instanceType, sessionDiskGiB } = resolveMachine(settings, name);
    machines(`machine ${name}`, 1, instanceType, sessionDiskGiB);
    add(`machine ${name}: snapshots, at most`, sessionDiskGiB * settings.snapshots.keep * SNAPSHOT_GIB);
  }
  for (const name of Object.keys(settings.pools)) {
    const { desired, min, instanceType, sessionDiskGiB } = resolvePool(settings, name);
    machines(`pool ${name}`, desired ?? min, instanceType, sessionDiskGiB);
  }
  if (settings.network.existing === undefined) {
    const gateways = { none: 0, single: 1, "per-zone": zones }[settings.network.nat];
    if (gateways > 0) add(`NAT: ${gateways} x gateway`, gateways * NAT_HOUR * HOURS);
    if (settings.network.ssmEndpoints) {
      const endpoints = endpointServices(settings.network.nat === "none").length * zones;
      add(`interface endpoints: ${endpoints}`, endpoints * ENDPOINT_HOUR * HOURS);
    }
  }
  add("key, secret, dashboard", 1 + 0.4 + 3);
  return lines;
}

/** The sum of an estimate, US dollars a month. */
export function total(lines: readonly CostLine[]): number {
  return Math.round(lines.reduce((sum, { usd }) => sum + usd, 0) * 100) / 100;
}
