/** Alarms that come later than before, about something else, or no longer. */
import { canonicalText } from "../change-set/canonical.ts";
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, isObject, type Plain, unknown } from "../events/values.ts";
import { inputsOf } from "./beside.ts";

type Inputs = { readonly [key: string]: Plain };

/** Texts about an alarm that guards less after the change. */
export function alarmWalls(resource: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): string[] {
  const { op, old, new: wanted } = resource;
  const [before, after] = [inputsOf(old), inputsOf(wanted)];
  if (op === "update" || op === "replace") {
    if (!tells(before)) return [];
    return tells(after) ? lateness(before, after, passing) : ["the alarm tells nobody"];
  }
  if (op !== "delete") return [];
  // One that goes with its machine or group, or is made anew under another name, is not missed.
  const watched = watchedBy(before);
  if (watched.length > 0 && watched.every((one) => one.some((id) => passing.has(id)))) return [];
  const subject = subjectOf(before);
  const made = all.flatMap((other) => {
    if (other.op !== "create" || shortType(other.type) !== "MetricAlarm") return [];
    const inputs = inputsOf(other.new);
    return subjectOf(inputs) === subject && tells(inputs) ? [lateness(before, inputs, passing)] : [];
  });
  if (made.some((late) => late.length === 0)) return [];
  return made[0] ?? ["the alarm goes"];
}

const tells = ({ actionsEnabled, alarmActions }: Inputs): boolean =>
  actionsEnabled !== false && (listOf(alarmActions).length > 0 || hasUnknown(alarmActions));

const OF_PERIODS = "datapointsToAlarm";

/** Numbers by which an alarm comes later or less often. */
const LATER: readonly (readonly [key: string, words: string])[] = [
  ["evaluationPeriods", "periods that must be bad"],
  [OF_PERIODS, "of which so many must be bad"],
  ["period", "seconds of a period"],
];

function lateness(before: Inputs, after: Inputs, passing: ReadonlySet<unknown>): string[] {
  const found: string[] = [];
  const [was, is] = [before["comparisonOperator"], after["comparisonOperator"]];
  const isSame = was === is;
  if (!isSame) found.push(`it compares otherwise: ${textOf(is)}, and not ${textOf(was)}`);
  const [least, most] = [Number(before["threshold"]), Number(after["threshold"])];
  const isLess = typeof is === "string" && is.startsWith("Less");
  const isKnown = (value: Plain | undefined): boolean => value !== undefined && value !== null;
  if (isKnown(before["threshold"]) && !isKnown(after["threshold"])) found.push("it has no threshold any more");
  else if (after["threshold"] === unknown) found.push("only the deploy knows its threshold");
  else if (isSame && (isLess ? most < least : most > least)) found.push(`threshold ${most}, and not ${least}`);
  for (const [key, words] of LATER) {
    if (!isKnown(before[key]) && !isKnown(after[key])) continue;
    // Without a number of their own all periods must be bad.
    const [a, b] = [before, after].map(
      (one) => one[key] ?? (key === OF_PERIODS ? one["evaluationPeriods"] : undefined),
    );
    if (isKnown(a) && !isKnown(b)) found.push(`no longer set: ${words}`);
    else if (b === unknown) found.push(`only the deploy knows: ${words}`);
    else if (Number(b) > Number(a)) found.push(`${words}: ${Number(b)}, and not ${Number(a)}`);
  }
  const [missed, missing] = [before, after].map((one) => one["treatMissingData"] ?? "missing");
  if (missed === "breaching" && missing !== "breaching") found.push("no data no longer counts as bad");
  const isOther = about(before) !== about(after) || leaves(watchedBy(before).flat(), watchedBy(after).flat(), passing);
  if (isOther) found.push("it watches something else");
  const [told, tellsThen] = [before, after].map(({ alarmActions }) => listOf(alarmActions));
  if (
    leaves(
      told ?? [],
      hasUnknown(after["alarmActions"]) && tellsThen?.length === 0 ? [unknown] : (tellsThen ?? []),
      passing,
    )
  )
    found.push("it does not do all that it did: compare its actions");
  return found.length > 0 ? [`the alarm comes later, or less often: ${found.join("; ")}`] : [];
}

/** Tells whether something that stays is not in a list any more. One that only the deploy knows may be its successor. */
function leaves(before: readonly Plain[], after: readonly Plain[], passing: ReadonlySet<unknown>): boolean {
  const missing = before.filter((one) => one !== unknown && !passing.has(one) && !after.includes(one));
  const [had, has] = [before, after].map((list) => list.filter((one) => one === unknown).length);
  return missing.length > Math.max(0, (has ?? 0) - (had ?? 0));
}

/** What an alarm is about, without the ids of machines: those that only the deploy knows are their successors. */
const about = ({ namespace, metricName, metricQueries, statistic, extendedStatistic, dimensions }: Inputs): string =>
  canonicalText([
    ...[namespace, metricName, statistic, extendedStatistic].map((one) => one ?? null),
    isObject(dimensions) ? Object.keys(dimensions).sort() : null,
    withoutDimensions(metricQueries ?? null),
  ]);

function withoutDimensions(queries: Plain): Plain {
  if (Array.isArray(queries)) return queries.map(withoutDimensions);
  if (!isObject(queries)) return queries === unknown ? null : queries;
  return Object.fromEntries(
    Object.entries(queries).map(([key, value]) => [
      key,
      key === "dimensions" && isObject(value) ? Object.keys(value).sort() : withoutDimensions(value),
    ]),
  );
}

/** The subject of an alarm, in one text. */
const subjectOf = ({ namespace, metricName, metricQueries, dimensions }: Inputs): string =>
  canonicalText([namespace, metricName, metricQueries, dimensions].map((one) => one ?? null));

/** Ids and names that its dimensions have, by metric, also within its expressions. */
function watchedBy(inputs: Inputs): Plain[][] {
  const within = (value: Plain | undefined): Plain[][] => {
    if (Array.isArray(value)) return value.flatMap(within);
    if (!isObject(value)) return [];
    const { dimensions, ...rest } = value;
    return [...(isObject(dimensions) ? [Object.values(dimensions)] : []), ...Object.values(rest).flatMap(within)];
  };
  return within({ dimensions: inputs["dimensions"] ?? null, metricQueries: inputs["metricQueries"] ?? null });
}

const textOf = (value: Plain | undefined): string => (typeof value === "string" ? value : "(not known)");
const listOf = (value: Plain | undefined): readonly Plain[] => (Array.isArray(value) ? value : []);
