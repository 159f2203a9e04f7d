import type { MachineEffect } from "../change-set/document.ts";
import { nameOf } from "../change-set/names.ts";
import { COMMAND, isStep } from "../events/local-step.ts";
import type { Merged } from "../events/merge.ts";

/** Minutes to the verified machine: a boot with KVM or HVF, and one that is emulated on a busy computer. */
const BOOT = { least: 1, most: 5 };

/**
 * The effects on machines of this computer. Such a machine is a command of a step, which Pulumi replaces also where the
 * machine only starts again: it is a new machine when its root disk is made anew.
 */
export function localMachineEffects(resources: readonly Merged[]): MachineEffect[] {
  const changed = resources.filter(({ op, type }) => type === COMMAND && op !== "same");
  const freshDisk = changed.some((one) => isStep(one, "root-disk") && ["create", "replace"].includes(one.op));
  return changed.flatMap((one): MachineEffect[] => {
    if (isStep(one, "container")) return [containerEffect(one)];
    if (!isStep(one, "machine")) return [];
    const made = { name: nameOf(one.urn), kind: "machine", order: 1, minutes: BOOT } as const;
    switch (one.op) {
      case "create":
        return [{ ...made, effect: "created", note: "" }];
      case "delete":
        return [{ ...made, effect: "deleted", order: 3, minutes: null, note: "All sessions on it end." }];
      case "replace":
      case "update":
        return freshDisk
          ? [{ ...made, effect: "replaced", note: "All that runs on it ends; its root disk is new." }]
          : [{ ...made, effect: "restarts", note: "All that runs on it ends; its disks stay." }];
      default:
        return [];
    }
  });
}

/** A container is made anew whatever changes: none of its options can be changed while it runs. */
function containerEffect({ op, urn }: Merged): MachineEffect {
  const made = { name: nameOf(urn), kind: "machine", minutes: null } as const;
  if (op === "create") return { ...made, effect: "created", order: 1, note: "" };
  if (op === "delete") return { ...made, effect: "deleted", order: 3, note: "All sessions in it end." };
  return { ...made, effect: "replaced", order: 1, note: "All sessions in it end; what is in its folders stays." };
}
