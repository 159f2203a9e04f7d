/** The session disk of a machine of this computer: a file, which a step makes and removes (`infra/local/steps/session-disk.ts`). */
import { COMMAND, stepInput, stepOf } from "../events/local-step.ts";
import type { Merged } from "../events/merge.ts";
import type { Fate } from "./fate.ts";

/** Tells whether a command is the step of a session disk. */
export const isLocalDisk = (resource: Pick<Merged, "type" | "old" | "new">): boolean =>
  resource.type === COMMAND && stepOf(resource) === "session-disk";

/** Its size in GiB; null where it is not known. */
export function localGib({ old, new: wanted }: Merged): number | null {
  const { sizeGiB } = stepInput(old ?? wanted);
  return typeof sizeGiB === "number" ? sizeGiB : null;
}

/** The fate of such a disk. Neither protection nor snapshots are there. */
export function ofLocalDisk(resource: Merged): Fate[] {
  const { op, old, new: wanted } = resource;
  if (old === undefined || op === "same" || op === "create" || !isLocalDisk(resource)) return [];
  const made = (fate: Fate["fate"], why: string): Fate[] => [{ fate, kind: "disk", resource, why, also: [] }];
  const empty = op === "replace" ? " A new, empty disk takes its place." : "";
  if (op === "delete" || op === "replace")
    return made("lost", `It is deleted from this computer with all that is on it, and nobody is asked again.${empty}`);
  const [before, after] = [stepInput(old)["root"], stepInput(wanted)["root"]];
  return before === after
    ? []
    : made("detached", "It stays in the folder where it is, and the machine gets a new, empty one in another folder.");
}
