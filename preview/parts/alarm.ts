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
    return tells(after) ? lateness(before, after) : ["the alarm tells nobody"];
  }
  if (op !== "delete") return [];
  // One that goes with its machine or group, or is made anew under another name, is not missed.
  if (watchedBy(before).some((id) => passing.has(id))) return [];
  const subject = subjectOf(before);
  const isMade = all.some((other) => {
    if (other.op !== "create" || shortType(other.type) !== "MetricAlarm") return false;
    const made = inputsOf(other.new);
    return subjectOf(made) === subject && tells(made);
  });
  return isMade ? [] : ["the alarm goes"];
}

const tells = ({ actionsEnabled, alarmActions }: Inputs): boolean =>
  actionsEnabled !== false && (listOf(alarmActions).length > 0 || hasUnknown(alarmActions));

/** Numbers by which an alarm comes later or less often. */
const LATER: readonly (readonly [key: string, words: string])[] = [
  ["evaluationPeriods", "periods that must be bad"],
  ["datapointsToAlarm", "of which so many must be bad"],
  ["period", "seconds of a period"],
];

function lateness(before: Inputs, after: Inputs): string[] {
  const found: string[] = [];
  const [was, is] = [before["comparisonOperator"], after["comparisonOperator"]];
  const isSame = was === is;
  if (!isSame) found.push(`it compares otherwise: ${textOf(is)}, and not ${textOf(was)}`);
  const [least, most] = [Number(before["threshold"]), Number(after["threshold"])];
  const isLess = typeof is === "string" && is.startsWith("Less");
  if (after["threshold"] === unknown) found.push("only the deploy knows its threshold");
  else if (isSame && (isLess ? most < least : most > least)) found.push(`threshold ${most}, and not ${least}`);
  for (const [key, words] of LATER) {
    const [a, b] = [before, after].map((one) => one[key]);
    if (b === unknown) found.push(`only the deploy knows: ${words}`);
    else if (Number(b) > Number(a)) found.push(`${words}: ${Number(b)}, and not ${Number(a)}`);
  }
  const [missed, missing] = [before, after].map((one) => one["treatMissingData"] ?? "missing");
  if (missed === "breaching" && missing !== "breaching") found.push("no data no longer counts as bad");
  if (about(before) !== about(after)) found.push("it watches something else");
  return found.length > 0 ? [`the alarm comes later, or less often: ${found.join("; ")}`] : [];
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
    Object.entries(queries)
      .filter(([key]) => key !== "dimensions")
      .map(([key, value]) => [key, withoutDimensions(value)]),
  );
}

/** The subject of an alarm, in one text. */
const subjectOf = ({ namespace, metricName, metricQueries, dimensions }: Inputs): string =>
  canonicalText([namespace, metricName, metricQueries, dimensions].map((one) => one ?? null));

/** Ids and names that its dimensions have, also within its expressions. */
function watchedBy(inputs: Inputs): Plain[] {
  const within = (value: Plain | undefined): Plain[] => {
    if (Array.isArray(value)) return value.flatMap(within);
    if (!isObject(value)) return [];
    const { dimensions, ...rest } = value;
    return [...(isObject(dimensions) ? Object.values(dimensions) : []), ...Object.values(rest).flatMap(within)];
  };
  return within({ dimensions: inputs["dimensions"] ?? null, metricQueries: inputs["metricQueries"] ?? null });
}

const textOf = (value: Plain | undefined): string => (typeof value === "string" ? value : "(not known)");
const listOf = (value: Plain | undefined): readonly Plain[] => (Array.isArray(value) ? value : []);
