import type { Settings } from "../../settings/settings.ts";
import { endpointServices } from "../network/endpoints.ts";
import { pricesFor } from "./prices.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";
import { zonesOf } from "./zones.ts";

const HOURS = 730;

/** One line of the estimate, US dollars a month. */
export interface CostLine {
  readonly what: string;
  readonly usd: number;
}

/** The cost of a stack at its least size, without traffic. US dollars a month; by us-east-1's prices where the region's own are not known (`prices.ts`). A type without a known price counts as 0 and says so. */
export function monthlyEstimate(settings: Settings): CostLine[] {
  const { hourly: prices, gp3GiB, snapshotGiB, natHour, endpointHour } = pricesFor(settings.region ?? "");
  const zones = zonesOf(settings).length;
  const lines: CostLine[] = [];
  const add = (what: string, usd: number): void => void lines.push({ what, usd: Math.round(usd * 100) / 100 });
  const machines = (label: string, count: number, type: string, sessionGiB: number): void => {
    const hourly = prices[type];
    add(
      `${label}: ${count} x ${type}${hourly === undefined ? " (price not known)" : ""}`,
      count * (hourly ?? 0) * HOURS,
    );
    add(`${label}: disks`, count * (settings.rootDiskGiB + sessionGiB) * gp3GiB);
  };
  for (const name of Object.keys(settings.machines)) {
    const { instanceType, sessionDiskGiB } = resolveMachine(settings, name);
    machines(`machine ${name}`, 1, instanceType, sessionDiskGiB);
    add(`machine ${name}: snapshots, at most`, sessionDiskGiB * settings.snapshots.keep * snapshotGiB);
  }
  for (const name of Object.keys(settings.pools)) {
    const { desired, min, instanceType, sessionDiskGiB } = resolvePool(settings, name);
    machines(`pool ${name}`, desired ?? min, instanceType, sessionDiskGiB);
  }
  if (settings.network.existing === undefined) {
    const gateways = { none: 0, single: 1, "per-zone": zones }[settings.network.nat];
    if (gateways > 0) add(`NAT: ${gateways} x gateway`, gateways * natHour * HOURS);
    if (settings.network.ssmEndpoints) {
      const endpoints = endpointServices(settings.network.nat === "none").length * zones;
      add(`interface endpoints: ${endpoints}`, endpoints * endpointHour * HOURS);
    }
  }
  add("key, secret, dashboard", 1 + 0.4 + 3);
  return lines;
}

/** The sum of an estimate, US dollars a month. */
export function total(lines: readonly CostLine[]): number {
  return Math.round(lines.reduce((sum, { usd }) => sum + usd, 0) * 100) / 100;
}
