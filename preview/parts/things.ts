import { at } from "../change-set/differences.ts";
import type { Thing } from "../change-set/document.ts";
import { componentOf, componentOfParent, nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { plain } from "../events/values.ts";

/** Types that a picture of a stack shows. What they are made of, such as templates and attachments, it leaves out. */
const KINDS: Readonly<Record<string, Thing["kind"]>> = {
  Instance: "machine",
  Group: "pool",
  Volume: "disk",
  Bucket: "bucket",
  Key: "key",
  LogGroup: "log",
  Secret: "secret",
  Vpc: "network",
};

/** The things of a stack that people know, before and after a change. */
export function thingsIn(resources: readonly Merged[], text: (value: string) => string): Thing[] {
  return resources
    .flatMap((resource): Thing[] => {
      const { type, urn, op, old } = resource;
      const kind = type.startsWith("aws:") ? KINDS[shortType(type)] : undefined;
      if (kind === undefined) return [];
      const component = componentOf(resource);
      return [
        {
          kind,
          urn: text(urn),
          name: text(nameIn(kind, urn, component)),
          // Under an alias it had another one.
          formerly: old ? text(nameIn(kind, old.urn, componentOfParent(old.parent))) : "",
          component: text(component),
          op: op === "same" ? "keep" : op,
          before: sizeOf(kind, resource.old),
          after: sizeOf(kind, resource.new),
        },
      ];
    })
    .sort((a, b) => (`${a.kind} ${a.urn}` < `${b.kind} ${b.urn}` ? -1 : 1));
}

function nameIn(kind: Thing["kind"], urn: string, component: string): string {
  return kind === "machine" && component !== "" ? component.replace(/^machine /, "") : nameOf(urn);
}

/** Numbers alone, so that nothing has to be hidden. */
function sizeOf(kind: Thing["kind"], state: Merged["old"]): string {
  if (state === undefined) return "";
  const inputs = plain(state.inputs ?? {});
  const number = (path: string): string => {
    const value = at(inputs, path);
    return typeof value === "number" ? String(value) : "?";
  };
  if (kind === "disk") return `${number("size")} GiB`;
  if (kind === "log") return `${number("retentionInDays")} days`;
  return kind === "pool" ? `${number("minSize")} to ${number("maxSize")}` : "";
}
