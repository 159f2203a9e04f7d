import { type Properties, unknown, type Value } from "../../toolchain/standins/command/values.ts";

/** One changed property, by path. */
export interface Difference {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
}

/**
 * Lists the differences between the present and the wanted state. Only wanted properties count, and those that were given before
 * and are not any more. Lists are sets here, as nearly all of the provider's are; JSON texts are compared by meaning.
 */
export function differences(state: Properties, olds: Properties, news: Properties): Difference[] {
  const found: Difference[] = [];
  for (const [key, value] of Object.entries(news)) compare(key, state[key], value, found);
  for (const key of Object.keys(olds)) if (news[key] === undefined) found.push({ path: key, kind: "delete" });
  return found;
}

function compare(path: string, before: Value | undefined, after: Value | undefined, found: Difference[]): void {
  if (after === unknown) found.push({ path, kind: "update" });
  else if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(`${path}.${key}`, before[key], after[key], found);
  } else if (before === undefined && after !== undefined) found.push({ path, kind: "add" });
  else if (before !== undefined && after === undefined) found.push({ path, kind: "delete" });
  else if (canonical(before) !== canonical(after)) found.push({ path, kind: "update" });
}

const isMap = (value: Value | undefined): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One text for all that mean the same. */
export function canonical(value: Value | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`;
  if (isMap(value))
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${key}:${canonical(value[key])}`)
      .join()}}`;
  if (typeof value === "string" && /^[[{]/.test(value)) {
    try {
      return canonical(JSON.parse(value) as Value);
    } catch {
      return JSON.stringify(value);
    }
  }
  return JSON.stringify(value ?? null);
}
