import type { Settings } from "../../settings/settings.ts";
import { endpointServices } from "../network/endpoints.ts";
import { instanceSize } from "./graviton.ts";
import { groupsFor } from "./groups.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";
import { averageMachines } from "./schedule.ts";
import { zonesOf } from "./zones.ts";

/** On-demand Linux prices of a vCPU and hour in us-east-1, in US dollars, as of 2026-01. Within a family they go by vCPUs. */
const VCPU_HOUR: Readonly<Record<string, number>> = { c8g: 0.03988, m8g: 0.04488, r8g: 0.05892 };

/**
 * Prices of other regions by those of us-east-1, about: the proportion of one small instance's price (t2.micro). Taxes and
 * traffic come on top everywhere. What a region that is not here costs is not known.
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
const HOURS = 730;
/** Of a disk, a GiB and month. */
export const GP3_GIB = 0.08;
/** Of snapshots, at most. */
export const SNAPSHOT_GIB = 0.05;
const NAT_HOUR = 0.045;
/** Of a public address. */
const ADDRESS_HOUR = 0.005;
const ENDPOINT_HOUR = 0.01;
/** Of an instance's seven metrics of every minute, a month. */
const DETAILED = 2.1;
const ALARM = 0.1;

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
  const factor = REGION[settings.region];
  const add = (what: string, usd: number | undefined): void => {
    const known = usd !== undefined && factor !== undefined;
    lines.push({ what: known ? what : `${what} ${UNKNOWN}`, usd: known ? cents(usd * factor) : 0 });
  };
  const machines = (label: string, count: number, type: string, sessionGiB: number): void => {
    const hourly = hourlyPrice(type);
    add(`${label}: ${amount(count)} x ${type}`, hourly === undefined ? undefined : count * hourly * HOURS);
    add(`${label}: disks`, count * (settings.rootDiskGiB + sessionGiB) * GP3_GIB);
    if (settings.detailedMonitoring) add(`${label}: detailed monitoring`, count * DETAILED);
  };
  for (const name of Object.keys(settings.machines)) {
    const { instanceType, sessionDiskGiB } = resolveMachine(settings, name);
    machines(`machine ${name}`, 1, instanceType, sessionDiskGiB);
    add(`machine ${name}: snapshots, at most`, sessionDiskGiB * settings.snapshots.keep * SNAPSHOT_GIB);
  }
  for (const name of Object.keys(settings.pools)) {
    const pool = resolvePool(settings, name);
    machines(`pool ${name}`, sizeOf(pool, size, from), pool.instanceType, pool.sessionDiskGiB);
  }
  if (settings.network.existing === undefined) {
    const gateways = { none: 0, single: 1, "per-zone": zones }[settings.network.nat];
    if (gateways > 0) add(`NAT: ${gateways} x gateway and address`, gateways * (NAT_HOUR + ADDRESS_HOUR) * HOURS);
    if (settings.network.ssmEndpoints) {
      const endpoints = endpointServices(settings.network.nat === "none").length * zones;
      add(`interface endpoints: ${endpoints}`, endpoints * ENDPOINT_HOUR * HOURS);
    }
  }
  const alarms = alarmsOf(settings);
  if (alarms > 0) add(`alarms: ${alarms}`, alarms * ALARM);
  add("key, secret, dashboard", 1 + 0.4 + 3);
  return lines;
}

/** The sum of an estimate, US dollars a month; undefined where a price is not known. */
export function total(lines: readonly CostLine[]): number | undefined {
  if (lines.some(({ what }) => what.endsWith(UNKNOWN))) return undefined;
  return cents(lines.reduce((sum, { usd }) => sum + usd, 0));
}

/** The price of an instance and hour in us-east-1; undefined where it is not known. */
function hourlyPrice(type: string): number | undefined {
  const price = VCPU_HOUR[type.split(".")[0] ?? ""];
  const cpus = instanceSize(type)?.cpus;
  return price === undefined || cpus === undefined ? undefined : price * cpus;
}

function sizeOf(pool: ReturnType<typeof resolvePool>, size: Size, from: Date): number {
  const scheduled = Object.values(pool.schedules);
  if (size === "schedule") return averageMachines(pool, from);
  if (size === "most") return Math.max(pool.max, ...scheduled.map(({ max }) => max));
  return Math.min(pool.desired ?? pool.min, ...scheduled.map(({ min }) => min));
}

function alarmsOf({ machines, pools, alerts }: Settings): number {
  const named = Object.keys(machines).length;
  if (alerts === null) return named;
  // An alarm of two metrics and an expression counts as two.
  return 2 * named + 1 + 2 * Object.values(pools).reduce((sum, { max }) => sum + groupsFor(max), 0);
}

const amount = (count: number): string => String(Math.round(count * 10) / 10);
const cents = (usd: number): number => Math.round(usd * 100) / 100;
