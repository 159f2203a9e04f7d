import { CronExpressionParser } from "cron-parser";
import type { ResolvedPool } from "./resolve.ts";

const DAY_MS = 86_400_000;
/** Long enough that days of the month count, too. */
const DAYS = 28;
/** A pool that changes its size more often than every ten minutes would not be averaged in reasonable time. */
const MOST_EVENTS = DAYS * 24 * 6;

/**
 * Machines of a pool on average over four weeks, as its schedules have them. Without schedules it is what is asked for, or the
 * least. A schedule that cannot be read counts as none: Auto Scaling's own check is stricter.
 *
 * @param from the beginning of the four weeks; the result hardly depends on it
 */
export function averageMachines(pool: Pick<ResolvedPool, "min" | "desired" | "schedules">, from: Date): number {
  const end = from.getTime() + DAYS * DAY_MS;
  const events = Object.values(pool.schedules).flatMap((at) =>
    timesOf(at.cron, at.timeZone, from, end).map((time) => ({ time, desired: at.desired })),
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
  return (sum + size * (end - since)) / (DAYS * DAY_MS);
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
