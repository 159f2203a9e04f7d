/** Who is warned, and of what there still is to warn. */
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, unknown } from "../events/values.ts";

const RUNS = ["aws:ec2/instance:Instance", "aws:autoscaling/group:Group"];

/** Tells whether anything that is looked after or costs is on AWS after the change. */
export const staysOnAws = (all: readonly Merged[]): boolean =>
  all.some(
    ({ type, op }) => type.startsWith("aws:") && op !== "delete" && !/^aws:(?:budgets|sns|cloudwatch)\//.test(type),
  );

/** Tells whether machines are on AWS after the change. */
export const runsOnAws = (all: readonly Merged[]): boolean =>
  all.some(({ type, op }) => RUNS.includes(type) && op !== "delete");

/** Tells whether somebody who was warned of costs is warned no longer. */
export function isAnotherTold(
  before: { readonly [key: string]: Plain },
  after: { readonly [key: string]: Plain },
): boolean {
  const told = addressesIn(after["notifications"] ?? null);
  return addressesIn(before["notifications"] ?? null).some((one) => one !== unknown && !told.includes(one));
}

/** Tells whether a warning of costs comes later, or no longer: for all who are warned, or for one of them. */
export function isToldLater(
  before: { readonly [key: string]: Plain },
  after: { readonly [key: string]: Plain },
): boolean {
  const [had, has] = [before, after].map((one) => warningsIn(one["notifications"] ?? null));
  const still = new Set(addressesIn(after["notifications"] ?? null));
  const of = (list: readonly Warning[] = [], who?: Plain): Map<string, number[]> => {
    const found = new Map<string, number[]>();
    for (const { kind, threshold, told } of list)
      if (who === undefined || told.includes(who)) found.set(kind, [...(found.get(kind) ?? []), threshold]);
    for (const one of found.values()) one.sort((a, b) => a - b);
    return found;
  };
  const everybody = [undefined, ...new Set((had ?? []).flatMap(({ told }) => told).filter((one) => still.has(one)))];
  return everybody.some((who) => {
    const then = of(has, who);
    // Each one has one in its place that comes no later.
    return [...of(had, who)].some(([kind, all]) =>
      all.some((threshold, i) => !((then.get(kind)?.[i] ?? Number.NaN) <= threshold)),
    );
  });
}

interface Warning {
  readonly kind: string;
  /** NaN where only the deploy knows it. */
  readonly threshold: number;
  readonly told: readonly Plain[];
}

const warningsIn = (notifications: Plain): Warning[] =>
  (Array.isArray(notifications) ? notifications : []).filter(isObject).map((one) => ({
    kind: ["notificationType", "thresholdType", "comparisonOperator"].map((key) => String(one[key] ?? "")).join(),
    threshold: one["threshold"] === unknown ? Number.NaN : Number(one["threshold"] ?? 0),
    told: addressesIn(one),
  }));

function addressesIn(value: Plain): Plain[] {
  if (Array.isArray(value)) return value.flatMap(addressesIn);
  if (!isObject(value)) return [];
  return ["subscriberEmailAddresses", "subscriberSnsTopicArns"].flatMap((key) => value[key] ?? []);
}
