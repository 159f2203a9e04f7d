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

/** Pairs deleted machines and pools with created ones, each at most once, the most similar first. */
export function renamesIn(resources: readonly Merged[]): FoundRename[] {
  const gone = componentsOf(resources, "delete");
  const come = componentsOf(resources, "create");
  const pairs: FoundRename[] = [];
  for (const [from, old] of gone) {
    for (const [to, wanted] of come) {
      const found = pair(from, old, to, wanted);
      if (found && found.equal * 5 >= found.of * 4) pairs.push(found);
    }
  }
  const rank = ({ equal, of, zone }: FoundRename): number =>
    equal / of + (zone && zone.before !== zone.after ? -0.01 : 0);
  pairs.sort((a, b) => rank(b) - rank(a) || (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1));
  const taken = new Set<string>();
  return pairs.filter(({ kind, from, to }) => {
    const names = [`${kind} from ${from}`, `${kind} to ${to}`];
    if (names.some((name) => taken.has(name))) return false;
    for (const name of names) taken.add(name);
    return true;
  });
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

function pair(from: string, old: readonly Merged[], to: string, wanted: readonly Merged[]): FoundRename | undefined {
  const [kind, before = ""] = from.split(" ");
  const [otherKind, after = ""] = to.split(" ");
  if (kind !== otherKind || (kind !== "machine" && kind !== "pool")) return undefined;
  const suffix = (urn: string, name: string): string =>
    nameOf(urn).startsWith(name) ? nameOf(urn).slice(name.length) : "?";
  let equal = 0;
  let zone: FoundRename["zone"];
  for (const one of old) {
    const other = wanted.find((two) => two.type === one.type && suffix(two.urn, after) === suffix(one.urn, before));
    if (!other) continue;
    const [a, b] = [plain(one.old?.inputs ?? {}), plain(other.new?.inputs ?? {})];
    if (shortType(one.type) === "Volume")
      zone = { before: text(at(a, "availabilityZone")), after: text(at(b, "availabilityZone")) };
    if (isAlike(a, before, b, after)) equal++;
  }
  return { kind, from: before, to: after, equal, of: Math.max(old.length, wanted.length), ...(zone ? { zone } : {}) };
}

const text = (value: Plain | undefined): string => (typeof value === "string" ? value : "");

/** Properties that are named by chance, or depend on the name in more than their text. */
const LEFT_OUT = /^(?:name|userData|userDataBase64|availabilityZone|networkInterfaces(?:\[\d+\])?(?:\.subnetId)?)$/;

/**
 * Tells whether two resources are equal except for a name in their texts. Values that are not known yet count as equal.
 */
function isAlike(a: Plain, nameA: string, b: Plain, nameB: string): boolean {
  let differs = 0;
  compare("", withoutName(a, nameA), withoutName(b, nameB), (path, one, other) => {
    if (LEFT_OUT.test(path) || one === unknown || other === unknown) return;
    if (canonicalText(one) !== canonicalText(other)) differs++;
  });
  return differs === 0;
}

function withoutName(value: Plain, name: string): Plain {
  const inputs = canonicalInputs((value ?? {}) as { [key: string]: Plain });
  const itself = new RegExp(`(?<![a-z0-9])${name.replace(/[^a-z0-9-]/gi, "\\$&")}(?![a-z0-9])`, "gi");
  const replaced = (one: Plain): Plain => {
    if (typeof one === "string") return one.replace(itself, "\u0000");
    if (Array.isArray(one)) return one.map(replaced);
    if (!isObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([key, two]) => [key, replaced(two)]));
  };
  return replaced(inputs);
}
