import { CronExpressionParser } from "cron-parser";
import type { ResolvedPool } from "./resolve.ts";

const DAY_MS = 86_400_000;
/** A pool that changes its size more often than every ten minutes would not be averaged in reasonable time. */
const MOST_EVENTS = 7 * 24 * 6;

/**
 * Machines of a pool on average over a week, or over four where days of the month count, as its schedules have them. Without schedules it is what is asked for, or the
 * least. A schedule that cannot be read counts as none: Auto Scaling's own check is stricter.
 *
 * @param from the beginning of that time; the result hardly depends on it
 */
export function averageMachines(pool: Pick<ResolvedPool, "min" | "desired" | "schedules">, from: Date): number {
  const schedules = Object.values(pool.schedules);
  const weekly = schedules.every(({ cron }) => /^\S+ \S+ \* \* /.test(cron));
  const length = (weekly ? 7 : 28) * DAY_MS;
  const end = from.getTime() + length;
  // Where all have one time zone it changes nothing, and takes most of the time.
  const oneZone = new Set(schedules.map(({ timeZone }) => timeZone)).size === 1;
  const events = schedules.flatMap((at) =>
    timesOf(at.cron, oneZone ? "UTC" : at.timeZone, from, end).map((time) => ({ time, desired: at.desired })),
  );
  if (events.length === 0) return pool.desired ?? pool.min;
  events.sort((a, b) => a.time - b.time);
  // Before the first event it is as after the last: schedules repeat themselves.
  let size = events.at(-1)?.desired ?? 0;
  let since = from.getTime();
  let sum = 0;
  for (const { time, desired } of events) {
    sum += size * (time - since);
    [size, since] = [desired, time];
  }
  return (sum + size * (end - since)) / length;
}

/** One part of a field: `*`, a number or a name, or a range of them, and a step. */
const PART = /^(?:\*|(?:\d{1,2}|[A-Za-z]{3})(?:-(?:\d{1,2}|[A-Za-z]{3}))?)(?:\/\d{1,2})?$/;

/** What is wrong with a cron expression of five fields, or nothing. Auto Scaling has none of cron's extensions. */
export function cronProblem(cron: string): string | undefined {
  const example = "write one such as 0 7 * * 1-5: minute, hour, day of the month, month, day of the week";
  const isPlain = cron.split(" ").every((field) => field.split(",").every((part) => PART.test(part)));
  if (!isPlain) return `is no cron expression: ${example}`;
  try {
    CronExpressionParser.parse(cron).next();
    return undefined;
  } catch (error) {
    return `is no cron expression (${(error as Error).message.replace(/\.$/, "")}): ${example}`;
  }
}

/**
 * The size that a pool's schedules have set last; undefined where it has none. A group that is made at noon would else have its
 * night's size until the next schedule comes.
 */
export function sizeInForce(
  schedules: ResolvedPool["schedules"],
  now: Date,
): { readonly min: number; readonly max: number; readonly desired: number } | undefined {
  const past = Object.values(schedules).flatMap((at) => {
    const time = lastTime(at.cron, at.timeZone, now);
    return time === undefined ? [] : [{ time, min: at.min, max: at.max, desired: at.desired }];
  });
  const last = past.sort((a, b) => b.time - a.time)[0];
  return last && { min: last.min, max: last.max, desired: last.desired };
}

function lastTime(cron: string, tz: string, now: Date): number | undefined {
  try {
    return CronExpressionParser.parse(cron, { tz, currentDate: now }).prev().getTime();
  } catch {
    return undefined;
  }
}

function timesOf(cron: string, tz: string, from: Date, end: number): number[] {
  try {
    const times: number[] = [];
    const expression = CronExpressionParser.parse(cron, { tz, currentDate: from });
    while (times.length < MOST_EVENTS) {
      const time = expression.next().getTime();
      if (time >= end) break;
      times.push(time);
    }
    return times;
  } catch {
    return [];
  }
}
