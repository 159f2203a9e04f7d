import { at } from "../change-set/differences.ts";
import { componentOf, nameOf, shortType } from "../change-set/names.ts";
import type { State } from "../change-set/state.ts";
import type { Merged } from "../events/merge.ts";
import { plain } from "../events/values.ts";
import type { Fate } from "./fate.ts";
import { ofLocalDisk } from "./local-disk.ts";
import { locked, lockedKind } from "./locked.ts";
import { number, ofProperties } from "./shortened.ts";
import { dataKind, isWithoutData } from "./types.ts";

/**
 * Finds the fates of data. The state of the last deploy decides about a deletion, not today's program: Pulumi reads
 * `protect` and `retainOnDelete` from the state (pkg/resource/deploy, step_generator.go and step.go).
 */
export function fatesOf(resources: readonly Merged[], state: State): Fate[] {
  const bereft = bereftIn(resources);
  return resources.flatMap((resource) => [
    ...ofResource(resource, state),
    ...ofLocalDisk(resource),
    ...loosened(resource),
    ...ofProperties(resource, resources).map((found) => ({ ...found, resource, also: [] })),
    ...ofAttachment(resource, resources),
    ...gone(resource, bereft),
    ...locked(resource).map((why): Fate => ({ fate: "locked", kind: lockedKind(resource), resource, why, also: [] })),
  ]);
}

function ofResource(resource: Merged, state: State): Fate[] {
  const { op, old, new: wanted, type } = resource;
  if (old === undefined || (op !== "delete" && op !== "replace")) return [];
  const kind = dataKind(type) ?? (isWithoutData(type) ? undefined : shortType(type));
  if (kind === undefined) return [];
  const made = (fate: Fate["fate"], why: string, also: readonly string[] = []): Fate[] => [
    { fate, kind, resource, why, also },
  ];
  // One change may remove the protection and replace the resource; the engine does not let it remove and delete.
  if (old.protect && (op === "delete" || wanted?.protect))
    return made(
      "refused",
      `It is protected: the engine refuses to ${op} it, and does nothing. Never deploy this with --skip-preview: the steps before it would be done.`,
    );
  const empty = op === "replace" ? ` A new${kind === "key" ? "" : ", empty"} ${kind} takes its place.` : "";
  const inOneGo =
    old.protect && op === "replace"
      ? " Being protected, it would be refused; but this change takes its protection away as well, and so it is not."
      : "";
  if (old.retainOnDelete)
    return made("orphaned", `It stays in the account, outside of the stack, and goes on to cost.${empty}${inOneGo}`);
  const inputs = plain(old.inputs);
  if (dataKind(type) === undefined)
    return made(
      "unknown",
      `It is ${op}d, and of a type of which this preview does not know whether it holds data: ${type}.`,
    );
  if (kind === "log" && at(inputs, "skipDestroy") === true)
    return made("orphaned", `It stays in the account, outside of the stack, and goes on to cost.${empty}`);
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
  const last = kind === "disk" && at(inputs, "finalSnapshot") === true ? " A last snapshot of it is made before." : "";
  return made("lost", `It is deleted with all that is on it, and nobody is asked again.${last}${empty}`);
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

/** Machines that are there, and had no disk before: somebody has deleted it outside of the stack. */
function bereftIn(all: readonly Merged[]): ReadonlySet<string> {
  const [there, having] = [new Set<string>(), new Set<string>()];
  for (const one of all) {
    if (one.old === undefined) continue;
    if (one.type === "aws:ec2/instance:Instance") there.add(componentOf(one));
    if (dataKind(one.type) === "disk") having.add(componentOf(one));
  }
  return new Set([...there].filter((component) => component !== "" && !having.has(component)));
}

/** Finds new disks in place of those that are gone. Where a disk goes in this change, its own row says so. */
function gone(resource: Merged, bereft: ReadonlySet<string>): Fate[] {
  const { op, type, isImported } = resource;
  if (op !== "create" || isImported || dataKind(type) !== "disk") return [];
  const component = componentOf(resource);
  if (!bereft.has(component)) return [];
  const why = `${component} is there, and the disk that it had is not: it was deleted outside of the stack, with all that was on it. It gets a new, empty one.`;
  return [{ fate: "gone", kind: "disk", resource, why, also: [] }];
}

/** Finds disks that stay, but leave their machine. */
function ofAttachment(resource: Merged, all: readonly Merged[]): Fate[] {
  if (shortType(resource.type) !== "VolumeAttachment" || (resource.op !== "replace" && resource.op !== "delete"))
    return [];
  const disk = diskOf(resource.old, all);
  if (!disk || dataKind(disk.type) !== "disk" || disk.op === "delete" || disk.op === "replace") return [];
  const other = resource.op === "replace" ? diskOf(resource.new, all) : undefined;
  const made = (fate: Fate["fate"], why: string): Fate[] => [{ fate, kind: "disk", resource: disk, why, also: [] }];
  if (resource.op === "replace" && (other === undefined || other === disk))
    return made("reattached", "It leaves the old machine and comes to the new one, with all that is on it.");
  // Two machines may change their disks: each goes where the other attachment says.
  const taker = all.find(
    (one) =>
      one !== resource &&
      shortType(one.type) === "VolumeAttachment" &&
      (one.op === "create" || one.op === "replace") &&
      diskOf(one.new, all) === disk,
  );
  if (taker === undefined) return made("detached", "It leaves its machine and is attached to nothing.");
  const machine = componentOf(taker) || nameOf(taker.urn);
  return made("reattached", `It leaves its machine and comes to ${machine}, with all that is on it.`);
}

/** The disk of an attachment, where its id is known. */
function diskOf(attachment: Merged["old"], all: readonly Merged[]): Merged | undefined {
  const id = at(plain(attachment?.inputs ?? {}), "volumeId");
  return all.find((one) => one.old !== undefined && one.old.id !== "" && one.old.id === id);
}
