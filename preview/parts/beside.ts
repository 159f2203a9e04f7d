/** Things that are there before and after a change, and policies that are on them. */
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, type Plain, plain } from "../events/values.ts";

type Inputs = { readonly [key: string]: Plain };

/** The inputs of one side of a resource; empty where there is none. */
export const inputsOf = (side: Merged["old"]): Inputs => (plain(side?.inputs ?? {}) ?? {}) as Inputs;

/** Types whose name is their id, and the key of the name. Of others nobody knows the id before they are made. */
const NAMED: Readonly<Record<string, string>> = {
  Role: "name",
  User: "name",
  Group: "name",
  Bucket: "bucket",
  BucketV2: "bucket",
};

/** Ids of what goes, and of what comes: neither is there before and after. */
export function passingIn(resources: readonly Merged[]): ReadonlySet<unknown> {
  return new Set(
    resources.flatMap(({ op, type, old, new: wanted }) => {
      if (op === "delete") return [old?.id];
      const key = op === "create" ? NAMED[shortType(type)] : undefined;
      return key === undefined ? [] : [wanted?.inputs[key]];
    }),
  );
}

/** Tells whether a value names something that is there before and after the change, in this stack or elsewhere. */
export const isBeside = (value: Plain | undefined, passing: ReadonlySet<unknown>): boolean =>
  typeof value === "string" && value !== "" && !passing.has(value);

const ON = ["role", "user", "group", "bucket", "keyId", "arn", "secretArn", "queueUrl", "queueUrls"];

/** The thing that a policy is on: a role's name, a bucket's, the id of a key, and so on. */
export function holderOf(inputs: Inputs): Plain | undefined {
  const key = ON.find((one) => inputs[one]);
  const value = key === undefined ? undefined : inputs[key];
  // A key has its id, or the ARN that ends with it.
  return key === "keyId" && typeof value === "string" ? value.split("/").at(-1) : value;
}

const MANAGED = "aws:iam/policy:Policy";
const ATTACHMENT = /PolicyAttachment$/;

/** Roles, users and groups that an attachment is about. */
export const attachedTo = (inputs: Inputs): Plain[] =>
  ["role", "user", "group", "roles", "users", "groups"].flatMap((key) => inputs[key] ?? []);

/**
 * Tells whether a policy that is deleted denies something to what stays. One that goes together with all that it is on is not
 * missed.
 */
export function isMissed({ type, op, old }: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): boolean {
  const inputs = inputsOf(old);
  if (op !== "delete" || !/Policy$/.test(type) || !("policy" in inputs)) return false;
  if (type !== MANAGED) {
    const holder = holderOf(inputs);
    return holder === undefined || !passing.has(holder);
  }
  const holders = all.flatMap((one): unknown[] => {
    const had = inputsOf(one.old);
    if (ATTACHMENT.test(one.type)) return had["policyArn"] === old?.id ? attachedTo(had) : [];
    return [had["managedPolicyArns"]].flat().some((arn) => arn !== undefined && arn === old?.id) ? [one.old?.id] : [];
  });
  return holders.length === 0 || holders.some((one) => !passing.has(one));
}

/** Tells whether something that stays gets a policy of which only the deploy knows the ARN: one that this change makes. */
export function isGivenOut({ type }: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): boolean {
  if (type !== MANAGED) return false;
  return all.some(({ type: other, op, new: wanted }) => {
    if (op === "delete" || op === "same") return false;
    const inputs = inputsOf(wanted);
    if (ATTACHMENT.test(other))
      return hasUnknown(inputs["policyArn"]) && attachedTo(inputs).some((one) => isBeside(one, passing));
    return op !== "create" && hasUnknown(inputs["managedPolicyArns"]);
  });
}
