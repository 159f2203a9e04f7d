/** A stack that moves to another region is made anew there: names of the region within texts are no change of a wall. */
import { at } from "../change-set/differences.ts";
import type { Merged } from "../events/merge.ts";
import { plain } from "../events/values.ts";

const PROVIDER = "pulumi:providers:aws";

/** The regions of a provider that changes it; undefined where none does. */
export function regionsOf(
  resources: readonly Merged[],
): { readonly before: string; readonly after: string } | undefined {
  for (const { type, op, old, new: wanted } of resources) {
    if (type !== PROVIDER || op === "create" || op === "delete") continue;
    const [before, after] = [old, wanted].map((side) => at(plain(side?.inputs ?? {}), "region"));
    if (typeof before === "string" && typeof after === "string" && before !== after) return { before, after };
  }
  return undefined;
}

/** The resources as if those that are replaced by a change of region had been in the new one before. */
export function inOneRegion(resources: readonly Merged[]): readonly Merged[] {
  const regions = regionsOf(resources);
  if (regions === undefined) return resources;
  const name = new RegExp(`(?<![a-z0-9-])${regions.before}(?![a-z0-9-])`, "g");
  const moved = <T>(value: T): T => JSON.parse(JSON.stringify(value).replace(name, regions.after)) as T;
  return resources.map((one) =>
    one.op === "replace" && one.keys.includes("provider") && one.old
      ? { ...one, old: { ...one.old, inputs: moved(one.old.inputs) } }
      : one,
  );
}
