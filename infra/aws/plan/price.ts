import type { Settings } from "../../settings/settings.ts";
import { endpointServices } from "../network/endpoints.ts";
import { groupsFor } from "./groups.ts";
import { knownPrices } from "./prices.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";
import { averageMachines } from "./schedule.ts";
import { zonesOf } from "./zones.ts";

const HOURS = 730;

/** One line of the estimate, US dollars a month. */
export interface CostLine {
  /** What it is; it says "(price not known)" where the price is not, which counts as 0. */
  readonly what: string;
  readonly usd: number;
}

/** Which size of its pools a stack is thought to have. */
export type Size = "least" | "schedule" | "most";

const UNKNOWN = "(price not known)";

/** The cost of a stack, without traffic, logs and taxes. US dollars a month. @param size @default "least" */
export function monthlyEstimate(settings: Settings, size: Size = "least", from = new Date()): CostLine[] {
  const zones = zonesOf(settings).length;
  const lines: CostLine[] = [];
  const prices = knownPrices(settings.region);
  const add = (what: string, price: number | undefined, count: number): void => {
    const known = price !== undefined;
    lines.push({ what: known ? what : `${what} ${UNKNOWN}`, usd: known ? cents(price * count) : 0 });
  };
  const machines = (label: string, count: number, type: string, sessionGiB: number): void => {
    add(`${label}: ${amount(count)} x ${type}`, prices?.hourly(type), count * HOURS);
    add(`${label}: disks`, prices?.gp3GiB, count * (settings.rootDiskGiB + sessionGiB));
    if (settings.detailedMonitoring) add(`${label}: detailed monitoring`, prices?.detailed, count);
  };
  for (const name of Object.keys(settings.machines)) {
    const { instanceType, sessionDiskGiB } = resolveMachine(settings, name);
    machines(`machine ${name}`, 1, instanceType, sessionDiskGiB);
    add(`machine ${name}: snapshots, at most`, prices?.snapshotGiB, sessionDiskGiB * settings.snapshots.keep);
  }
  for (const name of Object.keys(settings.pools)) {
    const pool = resolvePool(settings, name);
    machines(`pool ${name}`, sizeOf(pool, size, from), pool.instanceType, pool.sessionDiskGiB);
  }
  if (settings.network.existing === undefined) {
    const gateways = { none: 0, single: 1, "per-zone": zones }[settings.network.nat];
    if (gateways > 0) add(`NAT: ${gateways} x gateway and address`, prices?.natHour, gateways * HOURS);
    if (settings.network.ssmEndpoints) {
      const endpoints = endpointServices(settings.network.nat === "none").length * zones;
      add(`interface endpoints: ${endpoints}`, prices?.endpointHour, endpoints * HOURS);
    }
  }
  const alarms = alarmsOf(settings);
  if (alarms > 0) add(`alarms: ${alarms}`, prices?.alarm, alarms);
  add("key, secret, dashboard", prices?.fixed, 1);
  return lines;
}

/** The sum of an estimate, US dollars a month; undefined where a price is not known. */
export function total(lines: readonly CostLine[]): number | undefined {
  if (lines.some(({ what }) => what.endsWith(UNKNOWN))) return undefined;
  return cents(lines.reduce((sum, { usd }) => sum + usd, 0));
}

function sizeOf(pool: ReturnType<typeof resolvePool>, size: Size, from: Date): number {
  const scheduled = Object.values(pool.schedules);
  if (size === "schedule") return averageMachines(pool, from);
  if (size === "most") return Math.max(pool.max, ...scheduled.map(({ max }) => max));
  return Math.min(pool.desired ?? pool.min, ...scheduled.map(({ min }) => min));
}

/** How many alarms a stack has, as they are counted for its bill. */
export function alarmsOf({ machines, pools, alerts }: Settings): number {
  const named = Object.keys(machines).length;
  if (alerts === null) return named;
  // An alarm of two metrics and an expression counts as two.
  return 2 * named + 1 + 2 * Object.values(pools).reduce((sum, { max }) => sum + groupsFor(max), 0);
}

const amount = (count: number): string => String(Math.round(count * 10) / 10);
const cents = (usd: number): number => Math.round(usd * 100) / 100;
