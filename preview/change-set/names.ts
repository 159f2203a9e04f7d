import type { Merged } from "../events/merge.ts";

/** Last part of a type: `Volume` of `aws:ebs/volume:Volume`. */
export const shortType = (type: string): string =>
  type.startsWith("pulumi:providers:") ? "Provider" : (type.split(":").at(-1) ?? type);

/** The name that the program gave. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

const KINDS: Readonly<Record<string, string>> = {
  "cloister:aws:NamedMachine": "machine",
  "cloister:aws:Pool": "pool",
};

/** The machine or pool that a resource is part of, such as `machine one`; empty for others. */
export function componentOf({ old, new: wanted }: Pick<Merged, "old" | "new">): string {
  return componentOfParent(wanted?.parent || old?.parent || "");
}

/** Does the same for a parent's URN. */
export function componentOfParent(parent: string): string {
  const type = parent.split("::")[2]?.split("$").at(-1) ?? "";
  const kind = KINDS[type];
  return kind ? `${kind} ${nameOf(parent)}` : "";
}
