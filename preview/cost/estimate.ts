import { endpointServices } from "../../infra/aws/network/endpoints.ts";
import { alarmsOf } from "../../infra/aws/plan/price.ts";
import { pricesFor } from "../../infra/aws/plan/prices.ts";
import { resolveMachine, resolvePool } from "../../infra/aws/plan/resolve.ts";
import { averageMachines } from "../../infra/aws/plan/schedule.ts";
import { zonesOf } from "../../infra/aws/plan/zones.ts";
import type { Settings } from "../../infra/settings/settings.ts";

/** US dollars a month, from the least that it can be to the most. Null: not known, which is never nothing. */
export interface Range {
  readonly least: number | null;
  readonly most: number | null;
}

/** One line of an estimate. */
export interface Line extends Range {
  readonly what: string;
}

export interface Estimate {
  readonly lines: readonly Line[];
  readonly sum: Range;
  /** Region and date of the prices. */
  readonly prices: { readonly region: string; readonly date: string; readonly isOwn: boolean };
}

const HOURS = 730;
/** A week is like another. */
const A_MONDAY = new Date("2026-01-05T00:00:00Z");
/** The largest discount of Spot that AWS names; the smallest is none (EC2 user guide, "Spot Instances"). */
const SPOT_LEAST = 0.1;
/** More machines than the group has, while it rolls: `maxHealthyPercentage` is 110 (infra/aws/machines/pool.ts). */
const ROLL_SURPLUS = 0.1;

export const cents = (usd: number): number => Math.round(usd * 100) / 100;
const times = (price: number | undefined, count: number): number | null => {
  if (count === 0) return 0;
  return price === undefined ? null : cents(price * count);
};

/** The sum of ranges; what is not known of one is not known of the sum. */
export function sumOf(ranges: readonly Range[]): Range {
  const add = (key: keyof Range): number | null =>
    ranges.reduce<number | null>((sum, range) => {
      const one = range[key];
      return sum === null || one === null ? null : cents(sum + one);
    }, 0);
  return { least: add("least"), most: add("most") };
}

/** Sizes between which a pool's schedules, scaling and operators move it. */
export function poolSizes(settings: Settings, name: string): { least: number; most: number } {
  const { min, max, schedules } = resolvePool(settings, name);
  const all = Object.values(schedules);
  return {
    least: Math.min(min, ...all.map((one) => one.min)),
    most: Math.max(max, ...all.map((one) => one.max)),
  };
}

/**
 * The cost of a stack for a month, without traffic and what logs and requests cost by their amount.
 *
 * @param isUsual takes pools with schedules as large as these ask for on average. Default: from the least size to the most
 */
export function estimate(settings: Settings | undefined, isUsual = false): Estimate {
  const prices = pricesFor(settings?.region ?? "");
  const source = { region: prices.region, date: prices.date, isOwn: prices.region === settings?.region };
  if (settings === undefined || settings.target !== "aws")
    return { lines: [], sum: { least: 0, most: 0 }, prices: source };
  const lines: Line[] = [];
  const add = (what: string, least: number | null, most: number | null = least): void =>
    void lines.push({ what, least, most });
  const { rootDiskGiB } = settings;
  for (const name of Object.keys(settings.machines)) {
    const { instanceType, sessionDiskGiB } = resolveMachine(settings, name);
    add(`machine ${name}: ${instanceType}`, times(prices.hourly(instanceType), HOURS));
    add(`machine ${name}: disks`, times(prices.gp3GiB, rootDiskGiB + sessionDiskGiB));
    if (settings.detailedMonitoring) add(`machine ${name}: detailed monitoring`, times(prices.detailed, 1));
    const kept = sessionDiskGiB * settings.snapshots.keep;
    if (kept > 0) add(`machine ${name}: snapshots`, 0, times(prices.snapshotGiB, kept));
  }
  for (const name of Object.keys(settings.pools)) {
    const pool = resolvePool(settings, name);
    const { instanceType, sessionDiskGiB, spot, warmPool } = pool;
    const usual = isUsual && Object.keys(pool.schedules).length > 0 ? averageMachines(pool, A_MONDAY) : undefined;
    const { least, most } = usual === undefined ? poolSizes(settings, name) : { least: usual, most: usual };
    // Machines that wait: so many that all together are as many as the pool may have, and at least those that are asked for.
    const waiting = (count: number): number =>
      warmPool ? Math.max(warmPool.minSize, Math.max(pool.max, count) - count) : 0;
    const running = (count: number): number => count + (warmPool?.state === "Running" ? waiting(count) : 0);
    const types = [instanceType, ...(spot?.instanceTypes ?? [])];
    const hourly = types.map((type) => prices.hourly(type));
    const isKnown = hourly.every((one) => one !== undefined);
    const cost = (count: number, price: number | undefined, share: number): number | null => {
      const base = Math.min(count, spot?.onDemandBase ?? 0);
      const onDemand = spot ? base + ((count - base) * spot.onDemandPercent) / 100 : count;
      return times(price, (onDemand + (count - onDemand) * share) * HOURS);
    };
    const known = hourly.filter((one) => one !== undefined);
    const [low, high] = isKnown ? [Math.min(...known), Math.max(...known)] : [undefined, undefined];
    add(`pool ${name}: ${types.join(", ")}`, cost(running(least), low, SPOT_LEAST), cost(running(most), high, 1));
    const gib = rootDiskGiB + sessionDiskGiB;
    const disks = (count: number): number | null => times(prices.gp3GiB, (count + waiting(count)) * gib);
    add(`pool ${name}: disks`, disks(least), disks(most));
    if (settings.detailedMonitoring) {
      add(`pool ${name}: detailed monitoring`, times(prices.detailed, least), times(prices.detailed, most));
    }
  }
  if (settings.network.existing === undefined) {
    const zones = zonesOf(settings).length;
    const gateways = { none: 0, single: 1, "per-zone": zones }[settings.network.nat];
    if (gateways > 0) add("NAT gateways and addresses", times(prices.natHour, gateways * HOURS));
    const endpoints = settings.network.ssmEndpoints
      ? endpointServices(settings.network.nat === "none").length * zones
      : 0;
    if (endpoints > 0) add("interface endpoints", times(prices.endpointHour, endpoints * HOURS));
  }
  const alarms = alarmsOf(settings);
  if (alarms > 0) add("alarms", times(prices.alarm, alarms));
  add("key, secret, dashboard", times(prices.fixed, 1));
  return { lines, sum: sumOf(lines), prices: source };
}

/**
 * The cost of a pool's roll, once: machines above its size, for as long as it takes.
 *
 * @param minutes of the whole roll
 */
export function rollCost(
  settings: Settings,
  name: string,
  minutes: { readonly least: number; readonly most: number },
): Range {
  if (!Object.hasOwn(settings.pools, name)) return { least: null, most: null };
  const { instanceType } = resolvePool(settings, name);
  const { least, most } = poolSizes(settings, name);
  const hour = pricesFor(settings.region ?? "").hourly(instanceType);
  const cost = (size: number, time: number): number | null => times(hour, (Math.ceil(size * ROLL_SURPLUS) * time) / 60);
  return { least: cost(least, minutes.least), most: cost(most, minutes.most) };
}
