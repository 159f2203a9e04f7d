import type { Problem } from "../../contract/problem.ts";
import type { RunOptions } from "../run/options.ts";
import { parseMount } from "../sessions/mounts.ts";
import { type PolicyRun, policyProblems, type ReadPolicy } from "./result.ts";

/** Options with those of a policy file, and what is wrong with the file. */
export interface Merged<T> {
  readonly options: T;
  readonly problems: readonly Problem[];
}

/**
 * Puts a policy file and the options of a command line together. Hosts are added. A folder or a variable on the line
 * goes before that of the same name in the file, and so does a limit or the model. The line opens the way to the model,
 * too, and cannot close it.
 *
 * @param file the path as it was written, for messages
 */
export function mergePolicy<T extends RunOptions>(options: T, file: string, read: ReadPolicy): Merged<T> {
  if (read.run === undefined) return { options, problems: policyProblems(file, read.problems) };
  return { options: { ...options, ...merged(options, read.run) }, problems: [] };
}

function merged(line: RunOptions, policy: PolicyRun): Partial<RunOptions> {
  const written = (texts: readonly string[], nameOf: (text: string) => string) => new Set(texts.map(nameOf));
  const without = (policyTexts: readonly string[], lineTexts: readonly string[], nameOf: (text: string) => string) => {
    const own = written(lineTexts, nameOf);
    return [...policyTexts.filter((text) => !own.has(nameOf(text))), ...lineTexts];
  };
  const one = <K extends "timeout" | "memory" | "tasks" | "tmp" | "model">(key: K) => {
    const value = line[key] ?? policy[key];
    return value === undefined ? {} : { [key]: value };
  };
  const agent = line.agent ?? policy.agent;
  return {
    allow: [...policy.allow, ...line.allow],
    allowPrivate: [...policy.allowPrivate, ...(line.allowPrivate ?? [])],
    mount: without(policy.mount, line.mount, nameOfMount),
    env: without(policy.env, line.env, nameOfVariable),
    ...one("timeout"),
    ...one("memory"),
    ...one("tasks"),
    ...one("tmp"),
    ...one("model"),
    ...(agent === undefined ? {} : { agent }),
  };
}

function nameOfMount(text: string): string {
  const parsed = parseMount(text);
  // A mount that is written wrongly is refused later, and goes before none.
  return "problem" in parsed ? `\0${text}` : parsed.name;
}

const nameOfVariable = (text: string) => text.split("=", 1)[0] ?? text;
