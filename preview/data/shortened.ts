import { at } from "../change-set/differences.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, isObject, type Plain, plain } from "../events/values.ts";
import type { Fate } from "./fate.ts";

/** What a mere change of properties does to data. */
export type Found = Pick<Fate, "fate" | "kind" | "why">;
type Rule = (before: Plain, after: Plain, resource: Merged) => Found[];

const shortened = (kind: string, why: string): Found[] => [{ fate: "shortened", kind, why }];
const loosened = (kind: string, why: string): Found[] => [{ fate: "loosened", kind, why }];

export const number = (value: Plain | undefined): number | undefined => {
  const found = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
};

/** Both values, where the second is less. */
function lower(before: Plain, after: Plain, path: string, none: number): [number, number] | undefined {
  const [a, b] = [number(at(before, path)) ?? none, number(at(after, path)) ?? none];
  return b < a ? [a, b] : undefined;
}

const listAt = (value: Plain, path: string): readonly Plain[] => {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
};

function ofLog(before: Plain, after: Plain): Found[] {
  // 0 and a missing value both mean: for ever.
  const days = (state: Plain): number => number(at(state, "retentionInDays")) || Number.POSITIVE_INFINITY;
  if (days(after) >= days(before)) return [];
  const was = Number.isFinite(days(before)) ? `${days(before)} days` : "for ever";
  return shortened("log", `Kept for ${days(after)} days instead of ${was}: what is older goes at once.`);
}

function ofDisk(before: Plain, after: Plain, { op }: Merged): Found[] {
  const size = lower(before, after, "size", 0);
  if (!size || op !== "update") return [];
  const why = `${size[0]} GiB to ${size[1]} GiB: EC2 makes no disk smaller. The preview does not see it; the deploy fails on the way.`;
  return [{ fate: "refused-by-aws", kind: "disk", why }];
}

function ofSnapshots(before: Plain, after: Plain): Found[] {
  const [old, now] = [before, after].map((state) => listAt(state, "policyDetails.schedules")) as [Plain[], Plain[]];
  const why = old.flatMap((schedule, i) => {
    const other = now[i];
    if (other === undefined) return ["No more snapshots are made by one schedule; those that are there stay."];
    const keep = lower(schedule, other, "retainRule.count", Number.POSITIVE_INFINITY);
    if (keep) return [`Of each disk ${keep[1]} instead of ${keep[0]} are kept: older ones go with the next snapshot.`];
    // As many, but nearer to each other: they do not reach as far back.
    const [was, is] = [schedule, other].map((one) => {
      const [count, hours] = [number(at(one, "retainRule.count")), number(at(one, "createRule.interval"))];
      return count === undefined || hours === undefined ? undefined : count * hours;
    });
    if (was === undefined || is === undefined || is >= was) return [];
    return [`They reach ${spanText(is)} back instead of ${spanText(was)}: older ones go as new ones come.`];
  });
  if (at(after, "state") !== at(before, "state") && at(after, "state") !== "ENABLED")
    why.push("No more snapshots are made.");
  return why.length > 0 ? shortened("snapshots", why.join(" ")) : [];
}

const spanText = (hours: number): string => (hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`);

/** Ages after which S3 deletes, by their place in a rule. */
const AGES: readonly (readonly [path: string, words: string])[] = [
  ["expiration.days", "objects"],
  ["noncurrentVersionExpiration.noncurrentDays", "earlier versions"],
];

/** Rules by which objects go away. Longer ages, more versions that stay, and rules that go are no harm. */
function ofBucketRules(before: Plain, after: Plain): Found[] {
  const keyOf = (rule: Plain, index: number): Plain => at(rule, "id") ?? index;
  const old = new Map(listAt(before, "rules").map((rule, index) => [keyOf(rule, index), rule]));
  const why = listAt(after, "rules").flatMap((rule, index) => {
    if (at(rule, "status") === "Disabled") return [];
    const known = old.get(keyOf(rule, index));
    const was = known === undefined || at(known, "status") === "Disabled" ? {} : known;
    const ages = AGES.flatMap(([path, words]) => {
      const days = lower(was, rule, path, Number.POSITIVE_INFINITY);
      if (!days) return [];
      return [`${words} go after ${days[1]} days instead of ${Number.isFinite(days[0]) ? `${days[0]} days` : "never"}`];
    });
    if (canSee(rule) && EXPIRATIONS.some((path) => deletesOtherwise(at(was, path), at(rule, path))))
      ages.push("a rule deletes by another date or number than before");
    const isWider = known !== undefined && canSee(rule) && !isSameScope(known, rule);
    return isWider ? [...ages, "a rule is about other objects than before"] : ages;
  });
  if (why.length > 0) return shortened("bucket", `By its rules ${why.join(", ")}.`);
  return canSee(after) ? [] : shortened("bucket", "Rules by which objects go away are not known before the deploy.");
}

const EXPIRATIONS = ["expiration", "noncurrentVersionExpiration"];
/** Their ages are told by themselves. Of the marker nothing can be read. */
const NOT_COMPARED = ["days", "noncurrentDays", "expiredObjectDeleteMarker"];

/** Tells whether a rule deletes by something else than its age that may take more than before. */
function deletesOtherwise(before: Plain | undefined, after: Plain | undefined): boolean {
  if (!isObject(after)) return false;
  const was = isObject(before) ? before : {};
  return [...new Set([...Object.keys(was), ...Object.keys(after)])].some((key) => {
    if (NOT_COMPARED.includes(key)) return false;
    const [a, b] = [was[key] ?? null, after[key] ?? null];
    if (key === "newerNoncurrentVersions" && isObject(before)) return (number(b) ?? 0) < (number(a) ?? 0);
    if (key === "newerNoncurrentVersions") return false;
    return JSON.stringify(a) !== JSON.stringify(b);
  });
}

const canSee = (value: Plain): boolean => !hasUnknown(value);
const isSameScope = (one: Plain, other: Plain): boolean =>
  ["filter", "prefix"].every((path) => JSON.stringify(at(one, path)) === JSON.stringify(at(other, path)));

function ofVersioning(before: Plain, after: Plain): Found[] {
  const isOn = (state: Plain): boolean => at(state, "versioningConfiguration.status") === "Enabled";
  if (!isOn(before) || isOn(after)) return [];
  return loosened("bucket", "What is overwritten or deleted from then on has no earlier version any more.");
}

function ofBucket(before: Plain, after: Plain): Found[] {
  if (at(after, "forceDestroy") !== true || at(before, "forceDestroy") === true) return [];
  return loosened("bucket", "Its deletion would take all that is in it; until now S3 refused that.");
}

function ofKey(before: Plain, after: Plain): Found[] {
  const days = lower(before, after, "deletionWindowInDays", 30);
  if (days) return loosened("key", `Its deletion could be called back for ${days[0]} days, now for ${days[1]}.`);
  return [];
}

function ofSecret(before: Plain, after: Plain): Found[] {
  const days = lower(before, after, "recoveryWindowInDays", 30);
  return days ? loosened("secret", `It could be restored for ${days[0]} days, now for ${days[1]}.`) : [];
}

const RULES: Readonly<Record<string, Rule>> = {
  LogGroup: ofLog,
  Volume: ofDisk,
  LifecyclePolicy: ofSnapshots,
  BucketLifecycleConfiguration: ofBucketRules,
  BucketLifecycleConfigurationV2: ofBucketRules,
  BucketVersioning: ofVersioning,
  BucketVersioningV2: ofVersioning,
  Bucket: ofBucket,
  BucketV2: ofBucket,
  Key: ofKey,
  Secret: ofSecret,
};

/** Finds data that an update takes, now or later: mere changes of properties to the engine. */
export function ofProperties(resource: Merged, all: readonly Merged[]): Found[] {
  const { op, type, old, new: wanted } = resource;
  const short = shortType(type);
  if (op === "delete") {
    const isNeeded = all.some(
      (one) => shortType(one.type) === "Volume" && (one.op !== "delete" || one.old?.retainOnDelete),
    );
    if (short === "LifecyclePolicy" && isNeeded)
      return loosened(
        "snapshots",
        "No more snapshots are made of the disks that stay; those that are there stay as well.",
      );
    // It ends with its bucket, or the bucket goes on without it.
    return /^BucketVersioning/.test(short) && staysBucket(resource, all)
      ? ofVersioning(plain(old?.inputs ?? {}), {})
      : [];
  }
  // Rules for a bucket that was there without any begin to delete what is in it.
  const isNewRule = op === "create" && /^BucketLifecycleConfiguration/.test(short) && staysBucket(resource, all);
  if (op !== "update" && op !== "replace" && !isNewRule) return [];
  return RULES[short]?.(plain(old?.inputs ?? {}), plain(wanted?.inputs ?? {}), resource) ?? [];
}

/** Tells whether the bucket of a setting is there before and after the change. A bucket of another stack is. */
function staysBucket({ old, new: wanted }: Merged, all: readonly Merged[]): boolean {
  const name = at(plain((wanted ?? old)?.inputs ?? {}), "bucket");
  if (typeof name !== "string") return false;
  const bucket = all.find((one) => /^Bucket(?:V2)?$/.test(shortType(one.type)) && one.old?.id === name);
  return bucket === undefined ? !all.some((one) => nameOf(one.urn) === name) : bucket.op !== "delete";
}
