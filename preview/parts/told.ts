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

function addressesIn(value: Plain): Plain[] {
  if (Array.isArray(value)) return value.flatMap(addressesIn);
  if (!isObject(value)) return [];
  return ["subscriberEmailAddresses", "subscriberSnsTopicArns"].flatMap((key) => value[key] ?? []);
}
