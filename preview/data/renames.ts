import { canonicalInputs, canonicalText } from "../change-set/canonical.ts";
import { at, compare } from "../change-set/differences.ts";
import { componentOf, nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, plain, unknown } from "../events/values.ts";

/** A machine or pool that is deleted while a similar one is created. */
export interface FoundRename {
  readonly kind: "machine" | "pool";
  readonly from: string;
  readonly to: string;
  /** The number of resources that are equal except for the name; `of` is the number of all. */
  readonly equal: number;
  readonly of: number;
  /** Zones of the two session disks; undefined where there are none. */
  readonly zone?: { readonly before: string; readonly after: string };
}

/** Kinds of machines and pools that are compared: of a thousand that differ nobody wants to read. */
const MOST_ALIKE = 100;

/** Pairs deleted machines and pools with created ones, each at most once, the most similar first. */
export function renamesIn(resources: readonly Merged[]): FoundRename[] {
  const gone = alikeIn(componentsOf(resources, "delete"), "old");
  const come = alikeIn(componentsOf(resources, "create"), "new");
  const pairs = gone.flatMap((old) =>
    come.flatMap((wanted) => {
      const found = pair(old, wanted);
      return found && found.equal * 5 >= found.of * 4 ? [{ old, wanted, found }] : [];
    }),
  );
  const rank = ({ equal, of, zone }: FoundRename): number =>
    equal / of + (zone && zone.before !== zone.after ? -0.01 : 0);
  const names = ({ found: { from, to } }: (typeof pairs)[0]): string => `${from} ${to}`;
  pairs.sort((a, b) => rank(b.found) - rank(a.found) || (names(a) < names(b) ? -1 : 1));
  const taken = new Set<string>();
  return pairs.flatMap(({ old, wanted, found }) => {
    const free = ({ kind, names: all }: Alike, side: string): string[] =>
      all.filter((name) => !taken.has(`${kind} ${side} ${name}`));
    const [from, to] = [free(old, "from"), free(wanted, "to")];
    return from.slice(0, to.length).map((name, i) => {
      const other = to[i] as string;
      taken.add(`${old.kind} from ${name}`).add(`${old.kind} to ${other}`);
      return { ...found, from: name, to: other };
    });
  });
}

/** Machines or pools that are alike but for their names, with the parts of one of them. */
interface Alike {
  readonly kind: "machine" | "pool";
  readonly names: string[];
  readonly parts: readonly Part[];
  readonly zone: string | undefined;
}

/** A resource of a machine. The name is taken out of its inputs, and what refers to the machine's own resources. */
interface Part {
  readonly type: string;
  readonly suffix: string;
  readonly inputs: Plain;
}

/** Puts those together that are alike: a fleet has thousands of machines, and few kinds of them. */
function alikeIn(components: ReadonlyMap<string, readonly Merged[]>, side: "old" | "new"): Alike[] {
  const groups = new Map<string, Alike>();
  for (const [component, resources] of [...components].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [kind, name = ""] = component.split(" ");
    if (kind !== "machine" && kind !== "pool") continue;
    const own = new Set(resources.flatMap((one) => one.old?.id || []));
    const parts = resources.map((one): Part => {
      const inputs = plain(one[side]?.inputs ?? {});
      const suffix = nameOf(one.urn).startsWith(name) ? nameOf(one.urn).slice(name.length) : "?";
      return { type: one.type, suffix, inputs: withoutName(inputs, name, own) };
    });
    const disk = resources.find(({ type }) => shortType(type) === "Volume");
    const zone = disk && text(at(plain(disk[side]?.inputs ?? {}), "availabilityZone"));
    const key = canonicalText([
      kind,
      zone ?? null,
      parts.map((part) => [part.type, part.suffix, comparable(part.inputs)]),
    ]);
    const have = groups.get(key);
    if (have) have.names.push(name);
    else if (groups.size < MOST_ALIKE) groups.set(key, { kind, names: [name], parts, zone });
  }
  return [...groups.values()];
}

/** Components whose resources are all deleted, or all created. */
function componentsOf(resources: readonly Merged[], op: "delete" | "create"): Map<string, Merged[]> {
  const found = new Map<string, Merged[]>();
  const broken = new Set<string>();
  for (const resource of resources) {
    const component = componentOf(resource);
    if (component === "") continue;
    if (resource.op === op) found.set(component, [...(found.get(component) ?? []), resource]);
    else broken.add(component);
  }
  for (const component of broken) found.delete(component);
  return found;
}

function pair(old: Alike, wanted: Alike): FoundRename | undefined {
  if (old.kind !== wanted.kind) return undefined;
  const equal = old.parts.filter((one) => {
    const other = wanted.parts.find(({ type, suffix }) => type === one.type && suffix === one.suffix);
    return other !== undefined && isAlike(one.inputs, other.inputs);
  }).length;
  const hasZone = old.zone !== undefined && wanted.zone !== undefined;
  return {
    kind: old.kind,
    from: old.names[0] ?? "",
    to: wanted.names[0] ?? "",
    equal,
    of: Math.max(old.parts.length, wanted.parts.length),
    ...(hasZone ? { zone: { before: old.zone, after: wanted.zone } } : {}),
  };
}

const text = (value: Plain | undefined): string => (typeof value === "string" ? value : "");

/** Properties that are named by chance, or depend on the name in more than their text. */
const LEFT_OUT = /^(?:name|userData|userDataBase64|availabilityZone|networkInterfaces(?:\[\d+\])?(?:\.subnetId)?)$/;

/**
 * Tells whether two resources are equal except for a name in their texts. Values that are not known yet count as equal.
 */
function isAlike(a: Plain, b: Plain): boolean {
  let differs = 0;
  compare("", a, b, (path, one, other) => {
    if (LEFT_OUT.test(path) || one === unknown || other === unknown) return;
    if (canonicalText(one) !== canonicalText(other)) differs++;
  });
  return differs === 0;
}

/** Inputs without what is not compared. */
function comparable(inputs: Plain, path = ""): Plain {
  if (Array.isArray(inputs)) return inputs.map((one, i) => comparable(one, `${path}[${i}]`));
  if (!isObject(inputs)) return inputs;
  const inside = (key: string): string => (path === "" ? key : `${path}.${key}`);
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([key]) => !LEFT_OUT.test(inside(key)))
      .map(([key, one]) => [key, comparable(one, inside(key))]),
  );
}

function withoutName(value: Plain, name: string, own: ReadonlySet<string>): Plain {
  const inputs = canonicalInputs((value ?? {}) as { [key: string]: Plain });
  const itself = new RegExp(`(?<![a-z0-9])${name.replace(/[^a-z0-9-]/gi, "\\$&")}(?![a-z0-9])`, "gi");
  const replaced = (one: Plain): Plain => {
    if (typeof one === "string") return own.has(one) ? unknown : one.replace(itself, "\u0000");
    if (Array.isArray(one)) return one.map(replaced);
    if (!isObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([key, two]) => [key, replaced(two)]));
  };
  return replaced(inputs);
}
