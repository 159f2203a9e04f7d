import { CronExpressionParser } from "cron-parser";

/** A local time that a zone's clocks leave out or have twice. */
export interface OddHour {
  /** Local date, YYYY-MM-DD. */
  readonly date: string;
  readonly what: "skipped" | "twice";
  /** Local times as if they were UTC: from the first to before the second. Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** All clocks that change do so within a year. */
const DAYS_AHEAD = 366;

const known = new Map<string, readonly OddHour[]>();

/** Times of the coming year at which the zone's clocks change. Empty for a zone without daylight saving, or an unknown one. */
export function oddHours(timeZone: string, now: Date): readonly OddHour[] {
  const start = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const key = `${timeZone} ${start}`;
  const found = known.get(key) ?? changes(timeZone, start);
  known.set(key, found);
  return found;
}

/** The first time of the coming year that this cron expression names and its zone's clocks skip, or have twice. */
export function oddTime(cron: string, timeZone: string, now: Date): OddHour | undefined {
  // Every hour is every hour, also on such a day.
  if (/^\S+ \*(\/1)? /.test(cron)) return undefined;
  return oddHours(timeZone, now).find(({ from, to }) => {
    try {
      const at = CronExpressionParser.parse(cron, { tz: "UTC", currentDate: new Date(from - 1) });
      return at.next().getTime() < to;
    } catch {
      return false;
    }
  });
}

function changes(timeZone: string, start: number): OddHour[] {
  const offset = offsetOf(timeZone);
  if (offset === undefined) return [];
  const found: OddHour[] = [];
  for (let day = 0; day < DAYS_AHEAD; day += 1) {
    const [before, after] = [start + day * DAY_MS, start + (day + 1) * DAY_MS];
    if (offset(before) === offset(after)) continue;
    const time = firstWith(before, after, (at) => offset(at) === offset(after));
    const [from = 0, to = 0] = [time + offset(before), time + offset(after)].sort((a, b) => a - b);
    const what = offset(after) > offset(before) ? "skipped" : "twice";
    found.push({ date: new Date(from).toISOString().slice(0, 10), what, from, to });
  }
  return found;
}

/** The minute between two times from which on something holds. */
function firstWith(low: number, high: number, holds: (at: number) => boolean): number {
  let [no, yes] = [low, high];
  while (yes - no > MINUTE_MS) {
    const middle = no + Math.floor((yes - no) / 2 / MINUTE_MS) * MINUTE_MS;
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

/** Local time minus UTC in milliseconds, at a time. */
function offsetOf(timeZone: string): ((time: number) => number) | undefined {
  try {
    const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset", year: "numeric" });
    return (time) => {
      const name = format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value ?? "";
      const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
      return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
    };
  } catch {
    return undefined;
  }
}
