import type { MachineEffect } from "../change-set/document.ts";
import { nameOf } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { plain } from "../events/values.ts";

const COMMAND = "command:local:Command";
/** Minutes to the verified machine: a boot with KVM or HVF, and one that is emulated on a busy computer. */
const BOOT = { least: 1, most: 5 };

/**
 * The effects on machines of this computer. Such a machine is a command of a step, which Pulumi replaces also where the
 * machine only starts again: it is a new machine when its root disk is made anew.
 */
export function localMachineEffects(resources: readonly Merged[]): MachineEffect[] {
  const changed = resources.filter(({ op, type }) => type === COMMAND && op !== "same");
  const freshDisk = changed.some((one) => stepOf(one) === "root-disk" && ["create", "replace"].includes(one.op));
  return changed.flatMap((one): MachineEffect[] => {
    if (stepOf(one) !== "machine") return [];
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

/** The name of a command's step (`infra/local/step-command.ts`); undefined for other commands. */
function stepOf({ old, new: wanted }: Merged): string | undefined {
  const { create } = plain((wanted ?? old)?.inputs ?? {}) as { readonly create?: unknown };
  return typeof create === "string" ? /steps\/main\.ts ([a-z-]+) create$/.exec(create)?.[1] : undefined;
}
