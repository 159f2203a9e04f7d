import { parseSettings } from "../../infra/settings/settings.ts";
import { canonicalText } from "../change-set/canonical.ts";
import { secret } from "../events/values.ts";
import { configDifferences, type StackConfig } from "../parts/config.ts";
import { type Compared, type StackDifference, type StackFile, settled } from "./differences.ts";
import { moved, type Path } from "./edit.ts";
import { isWithin } from "./purpose.ts";

/** A file with the chosen keys of another stack. */
export interface Promoted {
  readonly text: string;
  /** Keys whose values were taken. */
  readonly taken: readonly string[];
  /** Keys that were chosen and stay: secrets, and what differs on purpose. */
  readonly left: readonly StackDifference[];
}

/**
 * Takes the values of chosen keys from one stack's file into another's. A key takes all below it with it, but for secrets
 * and what differs on purpose.
 *
 * @throws Error with every key that cannot be taken, before anything is written
 */
export function promote(from: StackFile, to: StackFile, keys: readonly string[], { differences }: Compared): Promoted {
  const problems: string[] = [];
  const [taken, left] = [new Set<string>(), new Set<StackDifference>()];
  for (const key of keys.map((one) => one.replace(/^cloister:/, ""))) {
    const below = differences.filter(({ key: path }) => isWithin(path, key));
    const free = below.filter(({ is }) => is === "question" || is === "expired");
    for (const one of below) if (!free.includes(one)) left.add(one);
    for (const one of free) taken.add(one.key);
    if (below.length === 0)
      problems.push(`${key}: ${from.stack} and ${to.stack} do not differ there. The table has what does`);
    else if (free.length === 0 && below.every(({ is }) => is === "on purpose"))
      problems.push(`${key}: differs on purpose (${below[0]?.purpose?.reason}). Take it from promotion.yaml first`);
  }
  if (problems.length > 0) throw new Error(`Nothing was changed:\n  ${problems.join("\n  ")}`);
  let text = to.text;
  for (const key of taken) text = moved(from.text, text, pathOf(key));
  check(from, to, text, taken);
  return { text, taken: [...taken], left: [...left] };
}

/** A path of settings as a path of the file. */
export function pathOf(key: string): Path {
  const [top = ""] = /^[^.[]+/.exec(key) ?? [];
  const rest: (string | number)[] = [];
  const parts = key.slice(top.length).matchAll(/\.([A-Za-z_][A-Za-z0-9_-]*)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/g);
  for (const [, name, quoted, index] of parts)
    rest.push(index === undefined ? (name ?? (JSON.parse(`"${quoted}"`) as string)) : Number(index));
  return ["config", top.includes(":") ? top : `cloister:${top}`, ...rest];
}

/** Holds the new text against the old ones: it has the chosen values, all others are as they were, and the program takes it. */
function check(from: StackFile, to: StackFile, text: string, taken: ReadonlySet<string>): void {
  const [source, before, after] = [from.text, to.text, text].map(settled) as [StackConfig, StackConfig, StackConfig];
  const changed = configDifferences(before, after, true).filter(
    (one) => canonicalText(one.before) !== canonicalText(one.after),
  );
  const strays = changed.filter(({ path }) => ![...taken].some((key) => isWithin(path, key) || isWithin(key, path)));
  const missing = configDifferences(after, source, true).filter(({ path }) => taken.has(path));
  const wrong = [...strays, ...missing].map(({ path }) => path);
  if (after.problem || wrong.length > 0)
    throw new Error(
      `Pulumi.${to.stack}.yaml: these keys cannot be taken by this program, edit the file by hand: ${wrong.join(", ") || [...taken].join(", ")}`,
    );
  const had = new Set(problemsOf(before.values));
  const problems = problemsOf(after.values).filter((one) => !had.has(one));
  if (problems.length > 0)
    throw new Error(
      `Nothing was changed: with these keys the program refuses ${to.stack}:\n  ${problems.join("\n  ")}`,
    );
}

/** What the program says of a configuration; nothing when it takes it. */
function problemsOf(values: StackConfig["values"]): string[] {
  const raw = Object.entries(values)
    .filter(([, value]) => value !== secret)
    .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  return parseSettings(Object.fromEntries(raw)).problems.map(({ path, message }) => `${path}: ${message}`);
}
