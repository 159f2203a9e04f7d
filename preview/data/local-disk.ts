/** The session disk of a machine of this computer: a file, which a step makes and removes (`infra/local/steps/session-disk.ts`). */
import { COMMAND, isStep, stepInput } from "../events/local-step.ts";
import type { Merged } from "../events/merge.ts";
import type { Fate } from "./fate.ts";

/** Tells whether a command is the step of a session disk. */
export const isLocalDisk = (resource: Pick<Merged, "type" | "old" | "new">): boolean =>
  resource.type === COMMAND && isStep(resource, "session-disk");

/** Its size in GiB; null where it is not known. */
export function localGib({ old, new: wanted }: Merged): number | null {
  const { sizeGiB } = stepInput(old ?? wanted);
  return typeof sizeGiB === "number" ? sizeGiB : null;
}

/** The fate of such a disk. No snapshots are there. Protection is the engine's, and holds here as well. */
export function ofLocalDisk(resource: Merged): Fate[] {
  const { op, old, new: wanted } = resource;
  if (old === undefined || op === "same" || op === "create" || !isLocalDisk(resource)) return [];
  const made = (fate: Fate["fate"], why: string): Fate[] => [{ fate, kind: "disk", resource, why, also: [] }];
  const ends = op === "delete" || op === "replace";
  if (ends && old.protect && (op === "delete" || wanted?.protect))
    return made("refused", `It is protected: the engine refuses to ${op} it, and does nothing.`);
  const empty = op === "replace" ? " A new, empty disk takes its place." : "";
  if (ends && !old.retainOnDelete)
    return made("lost", `It is deleted from this computer with all that is on it, and nobody is asked again.${empty}`);
  if (op === "delete") return made("detached", "It stays in the folder where it is, out of the stack.");
  const [before, after] = [stepInput(old), stepInput(wanted)];
  if (before["root"] !== after["root"])
    return made(
      "detached",
      "It stays in the folder where it is, and the machine gets a new, empty one in another folder.",
    );
  const [had, wants] = [before["sizeGiB"], after["sizeGiB"]];
  if (typeof had !== "number" || typeof wants !== "number" || wants >= had) return [];
  return made(
    "refused-in-deploy",
    `It has ${had} GiB and cannot shrink to ${wants}: the deploy refuses it on its way. Write ${had} or more.`,
  );
}
