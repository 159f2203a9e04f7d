import { at, type Differences } from "../change-set/differences.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { State } from "../change-set/state.ts";
import type { Merged } from "../events/merge.ts";
import { type Plain, plain } from "../events/values.ts";
import { dataKind } from "./types.ts";

/** The fate of one thing that holds data. */
export interface Fate {
  readonly fate:
    | "lost"
    | "orphaned"
    | "shortened"
    | "refused"
    | "refused-by-aws"
    | "loosened"
    | "detached"
    | "reattached";
  readonly kind: string;
  readonly resource: Merged;
  readonly why: string;
  readonly also: readonly string[];
}

/**
 * Finds the fates of data. The state of the last deploy decides about a deletion, not today's program: Pulumi reads
 * `protect` and `retainOnDelete` from the state (pkg/resource/deploy, step_generator.go and step.go).
 */
export function fatesOf(
  resources: readonly Merged[],
  differences: ReadonlyMap<string, Differences>,
  state: State,
): Fate[] {
  return resources.flatMap((resource) => [
    ...ofResource(resource, state),
    ...loosened(resource),
    ...ofProperties(resource, differences.get(resource.urn)?.list.map(({ path }) => path) ?? []),
    ...ofAttachment(resource, resources),
  ]);
}

function ofResource(resource: Merged, state: State): Fate[] {
  const kind = dataKind(resource.type);
  const { op, old, new: wanted } = resource;
  if (kind === undefined || old === undefined || (op !== "delete" && op !== "replace")) return [];
  const made = (fate: Fate["fate"], why: string, also: readonly string[] = []): Fate[] => [
    { fate, kind, resource, why, also },
  ];
  // One change may remove the protection and replace the resource; the engine does not let it remove and delete.
  if (old.protect && (op === "delete" || wanted?.protect))
    return made(
      "refused",
      `It is protected: the engine refuses to ${op} it. With --skip-preview all that comes before it would be done.`,
    );
  const empty = op === "replace" ? ` A new, empty ${kind} takes its place.` : "";
  const inOneGo =
    old.protect && op === "replace" ? " Its protection goes in the same change: the engine refuses nothing then." : "";
  if (old.retainOnDelete)
    return made("orphaned", `It stays in the account, outside of the stack, and goes on to cost.${empty}${inOneGo}`);
  const inputs = plain(old.inputs);
  if (kind === "key") {
    const days = number(at(inputs, "deletionWindowInDays")) ?? 30;
    return made(
      "lost",
      `It is scheduled for deletion: after ${days} days nobody reads what it encrypts. Until then it can be called back.${empty}`,
      encryptedWith(resource, state),
    );
  }
  if (kind === "secret") {
    const days = number(at(inputs, "recoveryWindowInDays")) ?? 30;
    const when = days === 0 ? "It goes at once" : `It can be restored for ${days} days, and then it is gone`;
    return made("lost", `${when}, with its value.${empty}`);
  }
  if (kind === "bucket") {
    return at(inputs, "forceDestroy") === true
      ? made("lost", `It goes with all that is in it, all versions.${empty}`)
      : made("refused-by-aws", "S3 deletes no bucket that is not empty: if it is not, the deploy fails on the way.");
  }
  return made("lost", `It is deleted with all that is on it, without a question.${empty}`);
}

/** The things of the stack that are encrypted with a key, by the dependencies in the state. */
function encryptedWith(key: Merged, state: State): string[] {
  const id = state.resources.get(key.urn)?.id;
  const found: string[] = [];
  for (const { urn, type, dependencies, inputs } of state.resources.values()) {
    const kind = dataKind(type);
    if (kind === undefined || urn === key.urn) continue;
    const uses =
      dependencies.includes(key.urn) || (id !== undefined && id !== "" && JSON.stringify(inputs).includes(id));
    if (uses) found.push(`${kind} ${nameOf(urn)}`);
  }
  const bucket = [...state.resources.values()].some(({ type }) => dataKind(type) === "bucket");
  if (bucket && !found.some((one) => one.startsWith("bucket"))) found.push("what is in the bucket");
  return [...found.sort(), "snapshots of these disks"];
}

/** Finds protection that goes away. The engine calls such a step `same`, and shows nothing. */
function loosened(resource: Merged): Fate[] {
  const { op, old, new: wanted, type } = resource;
  if (!old || !wanted || op === "delete" || op === "create" || op === "replace") return [];
  const isGuard = nameOf(resource.urn) === "cloister-onDestroy";
  const kind = dataKind(type) ?? (isGuard ? "guard" : /^aws:s3\//.test(type) ? "bucket setting" : undefined);
  const lost = [
    ...(old.protect && !wanted.protect ? ["is protected no longer"] : []),
    ...(old.retainOnDelete && !wanted.retainOnDelete ? ["is no longer kept when it is deleted"] : []),
  ];
  if (lost.length === 0 || (kind === undefined && !old.protect)) return [];
  const why = `It ${lost.join(" and ")}: the next change that deletes it takes what it holds.`;
  return [{ fate: "loosened", kind: kind ?? "resource", resource, why, also: [] }];
}

const number = (value: Plain | undefined): number | undefined => {
  const found = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
};

/** Finds data that an update takes, now or later. */
function ofProperties(resource: Merged, paths: readonly string[]): Fate[] {
  const { op, type, old, new: wanted } = resource;
  if (op === "same" || op === "create") return [];
  const [before, after] = [plain(old?.inputs ?? {}), plain(wanted?.inputs ?? {})];
  const made = (fate: Fate["fate"], kind: string, why: string): Fate[] => [{ fate, kind, resource, why, also: [] }];
  const short = shortType(type);
  if (op === "delete") {
    if (short !== "LifecyclePolicy") return [];
    return made(
      "shortened",
      "snapshots",
      "No more snapshots are made; those that are there stay, and no age ends them.",
    );
  }
  if (op !== "update" && op !== "replace") return [];
  const lower = (path: string, none: number): [number, number] | undefined => {
    const [a, b] = [number(at(before, path)) ?? none, number(at(after, path)) ?? none];
    return b < a ? [a, b] : undefined;
  };
  if (short === "LogGroup") {
    // 0 and a missing value both mean: for ever.
    const days = (path: Plain): number => number(at(path, "retentionInDays")) || Number.POSITIVE_INFINITY;
    if (days(after) < days(before)) {
      const was = Number.isFinite(days(before)) ? `${days(before)} days` : "for ever";
      return made("shortened", "log", `Kept for ${days(after)} days instead of ${was}: what is older goes at once.`);
    }
  }
  if (short === "Volume") {
    const size = lower("size", 0);
    if (size && op === "update")
      return made(
        "refused-by-aws",
        "disk",
        `${size[0]} GiB to ${size[1]} GiB: EC2 makes no disk smaller. The preview does not see it; the deploy fails on the way.`,
      );
  }
  if (short === "LifecyclePolicy") {
    const schedules = at(before, "policyDetails.schedules");
    const found = (Array.isArray(schedules) ? schedules : []).flatMap((_, i) => {
      const keep = lower(`policyDetails.schedules[${i}].retainRule.count`, Number.POSITIVE_INFINITY);
      return keep ? [`${keep[1]} instead of ${keep[0]}`] : [];
    });
    if (found.length > 0)
      return made(
        "shortened",
        "snapshots",
        `Of each disk ${found.join(", ")} are kept: older ones go with the next snapshot.`,
      );
    if (at(after, "state") !== at(before, "state") && at(after, "state") !== "ENABLED")
      return made("shortened", "snapshots", "No more snapshots are made.");
  }
  if (short === "BucketLifecycleConfiguration" && paths.some((path) => path.startsWith("rules")))
    return made("shortened", "bucket", "Rules by which objects go away have changed: look at them below.");
  if (short === "BucketVersioning" && paths.some((path) => path.startsWith("versioningConfiguration")))
    return made("loosened", "bucket", "What is overwritten or deleted may have no earlier version any more.");
  if (/^Bucket(?:V2)?$/.test(short) && at(after, "forceDestroy") === true && at(before, "forceDestroy") !== true)
    return made("loosened", "bucket", "Its deletion would take all that is in it; until now S3 refused that.");
  if (short === "Key") {
    const days = lower("deletionWindowInDays", 30);
    if (days)
      return made("loosened", "key", `Its deletion could be called back for ${days[0]} days, now for ${days[1]}.`);
    if (at(after, "isEnabled") === false && at(before, "isEnabled") !== false)
      return made("loosened", "key", "It is switched off: nothing that it encrypts can be read until it is on again.");
  }
  if (short === "Secret") {
    const days = lower("recoveryWindowInDays", 30);
    if (days) return made("loosened", "secret", `It could be restored for ${days[0]} days, now for ${days[1]}.`);
  }
  return [];
}

/** Finds disks that stay, but leave their machine. */
function ofAttachment(resource: Merged, all: readonly Merged[]): Fate[] {
  if (shortType(resource.type) !== "VolumeAttachment" || (resource.op !== "replace" && resource.op !== "delete"))
    return [];
  const volumeId = plain(resource.old?.inputs ?? {});
  const id = at(volumeId, "volumeId");
  const disk = all.find((one) => one.old !== undefined && one.old.id !== "" && one.old.id === id);
  if (!disk || dataKind(disk.type) !== "disk" || disk.op === "delete" || disk.op === "replace") return [];
  return resource.op === "replace"
    ? [
        {
          fate: "reattached",
          kind: "disk",
          resource: disk,
          why: "It leaves the old machine and comes to the new one, with all that is on it.",
          also: [],
        },
      ]
    : [
        {
          fate: "detached",
          kind: "disk",
          resource: disk,
          why: "It leaves its machine and is attached to nothing.",
          also: [],
        },
      ];
}
