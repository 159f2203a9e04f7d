import { type Properties, unknown, type Value } from "../../toolchain/standins/command/values.ts";

/** One changed property, by path. */
export interface Difference {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
}

/**
 * Lists the differences between the present and the wanted state. Only wanted properties count, and those that were given before
 * and are not any more. Lists are sets, as most of the provider's are, but for the `ordered` ones; JSON texts are compared by
 * meaning.
 *
 * @param ordered paths of lists whose order counts, by dots and without indexes
 */
export function differences(
  state: Properties,
  olds: Properties,
  news: Properties,
  ordered: readonly string[] = [],
): Difference[] {
  const found: Difference[] = [];
  for (const [key, value] of Object.entries(news)) compare(key, state[key], value, found, ordered);
  for (const key of Object.keys(olds)) if (news[key] === undefined) found.push({ path: key, kind: "delete" });
  return found;
}

function compare(
  path: string,
  before: Value | undefined,
  after: Value | undefined,
  found: Difference[],
  ordered: readonly string[],
): void {
  if (after === unknown) found.push({ path, kind: "update" });
  else if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(`${path}.${key}`, before[key], after[key], found, ordered);
  } else if (before === undefined && after !== undefined) found.push({ path, kind: "add" });
  else if (before !== undefined && after === undefined) found.push({ path, kind: "delete" });
  else if (canonical(before, path, ordered) !== canonical(after, path, ordered)) found.push({ path, kind: "update" });
}

const isMap = (value: Value | undefined): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One text for all that mean the same. */
export function canonical(value: Value | undefined, path = "", ordered: readonly string[] = []): string {
  if (Array.isArray(value)) {
    const all = value.map((one) => canonical(one, path, ordered));
    return `[${(ordered.includes(path) ? all : all.sort()).join()}]`;
  }
  if (isMap(value))
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${key}:${canonical(value[key], `${path}.${key}`, ordered)}`)
      .join()}}`;
  if (typeof value === "string" && /^[[{]/.test(value)) {
    try {
      // A policy: AWS knows no order there.
      return canonical(JSON.parse(value) as Value);
    } catch {
      return JSON.stringify(value);
    }
  }
  return JSON.stringify(value ?? null);
}
