import type { Merged } from "../events/merge.ts";
import { hasSecret, isObject, type Plain, plain, unknown } from "../events/values.ts";
import { canonicalInputs, canonicalText } from "./canonical.ts";

/** One property that differs. A value is undefined when the property is not there. */
export interface Difference {
  readonly path: string;
  readonly before: Plain | undefined;
  readonly after: Plain | undefined;
  readonly forces: boolean;
}

/** The differences of a resource. `onlyOrder`: only an order or a notation differs. */
export interface Differences {
  readonly list: readonly Difference[];
  readonly onlyOrder: boolean;
}

/**
 * Compares the inputs in the state with those that the program wants. Outputs do not count: a state may have them or
 * not by chance.
 */
export function differencesOf(resource: Merged): Differences {
  if (resource.op === "create" || resource.op === "delete") return { list: [], onlyOrder: false };
  const before = canonicalInputs(inputsOf(resource.old?.inputs));
  const after = canonicalInputs(inputsOf(resource.new?.inputs));
  const list: Difference[] = [];
  const forced = new Set(resource.keys);
  const forces = (path: string): boolean =>
    [...forced].some((key) => path === key || inside(path, key) || inside(key, path)) ||
    Object.entries(resource.detailed ?? {}).some(
      ([at, kind]) => kind.endsWith("-replace") && (at === path || inside(path, at)),
    );
  compare("", before, after, (path, a, b) => list.push({ path, before: a, after: b, forces: forces(path) }));
  // All secrets look the same here: only the provider can tell that one has changed.
  for (const [path, kind] of Object.entries(resource.detailed ?? {})) {
    if (list.some((one) => one.path === path || inside(one.path, path) || inside(path, one.path))) continue;
    const [a, b] = [at(before, path), at(after, path)];
    // The provider's paths contain keys of tags without quotes: a dot in a key looks like the next part of the path.
    const top = /^[A-Za-z0-9_]+/.exec(path)?.[0] ?? path;
    if (
      a === undefined &&
      b === undefined &&
      (list.some((one) => inside(one.path, top)) || top in before || top in after)
    )
      continue;
    const isPlainlyEqual = a !== undefined && canonicalText(a) === canonicalText(b) && !hasSecret(a);
    if (isPlainlyEqual) continue;
    // The provider computes it: the program says it on neither side.
    const isComputed = a === undefined && b === undefined;
    const [one, other] = isComputed ? computedBy(kind) : [a, b];
    list.push({ path, before: one, after: other, forces: forces(path) });
  }
  // A provider that gives no paths names properties alone.
  for (const key of resource.diffs) {
    if (list.some((one) => one.path === key || inside(one.path, key))) continue;
    const [a, b] = [at(before, key), at(after, key)];
    if (hasSecret(a) || hasSecret(b)) list.push({ path: key, before: a, after: b, forces: forces(key) });
  }
  // A resource may be replaced only because it depends on one that is deleted first. Then the engine's keys are the
  // reason.
  for (const key of resource.keys) {
    if (!list.some((one) => one.path === key || inside(one.path, key) || inside(key, one.path)))
      list.push({ path: key, before: at(before, key), after: at(after, key), forces: true });
  }
  list.sort((a, b) => Number(b.forces) - Number(a.forces) || (a.path < b.path ? -1 : 1));
  return { list, onlyOrder: resource.op === "update" && list.length === 0 };
}

/** Both sides of a property that only the provider knows. */
const computedBy = (kind: string): [Plain | undefined, Plain | undefined] => [
  kind.startsWith("add") ? undefined : unknown,
  kind.startsWith("delete") ? undefined : unknown,
];

function inputsOf(inputs: Readonly<Record<string, unknown>> | undefined): { [key: string]: Plain } {
  return (plain(inputs ?? {}) as { [key: string]: Plain }) ?? {};
}

const inside = (path: string, whole: string): boolean => path.startsWith(`${whole}.`) || path.startsWith(`${whole}[`);

/** Calls the function for each leaf that differs, with a path in the engine's notation. */
export function compare(
  path: string,
  before: Plain | undefined,
  after: Plain | undefined,
  differs: (path: string, before: Plain | undefined, after: Plain | undefined) => void,
): void {
  if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
      compare(member(path, key), before[key], after[key], differs);
  } else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [i, one] of before.entries()) compare(`${path}[${i}]`, one, after[i], differs);
  } else if (canonicalText(before) !== canonicalText(after)) differs(path, before, after);
}

/** The path of an object's member. */
export const member = (path: string, key: string): string => {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
};

/** The value at a path; undefined where there is none. */
export function at(value: Plain | undefined, path: string): Plain | undefined {
  let found = value;
  for (const [, name, quoted, index] of path.matchAll(/([A-Za-z_][A-Za-z0-9_-]*)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/g)) {
    if (index !== undefined) found = Array.isArray(found) ? found[Number(index)] : undefined;
    else found = isObject(found) ? found[name ?? (JSON.parse(`"${quoted}"`) as string)] : undefined;
  }
  return found;
}
