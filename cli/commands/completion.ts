import type { Command } from "commander";
import { GROUP_NAMES, HOST_GROUPS } from "../../guest/egress/groups.ts";
import { pricedRegions } from "../../infra/aws/plan/prices.ts";
import { FILES_LINE, SCRIPTS, type Shell } from "../completion/scripts.ts";
import { type Suggestion, suggest } from "../completion/suggest.ts";
import { knownMachines, knownPools, knownSessions, knownStacks } from "../known-names.ts";

/** Options that take one of a few words. */
export const FEW_VALUES = {
  prefer: (): Suggestion[] => [
    ["here", "this computer's side wins"],
    ["machine", "the machine's side wins"],
  ],
  forge: (): Suggestion[] => [
    ["github", "GitHub Actions"],
    ["gitlab", "GitLab CI"],
  ],
  since: (): Suggestion[] => [
    ["-1h", "the last hour"],
    ["today", "since midnight"],
    ["yesterday", "since midnight a day ago"],
  ],
};

/** `cloister completion SHELL`: prints what completes the command in this shell. @returns 0 */
export async function completion(shell: Shell): Promise<number> {
  process.stdout.write(SCRIPTS[shell]);
  return 0;
}

/**
 * `cloister complete -- WORD...`, which the shell calls: prints what can stand in the last word's place. Nobody is
 * asked: a name that is not known on this computer is not suggested.
 *
 * @param words the words behind `cloister`; the last one may be empty
 * @param stack the stack that is meant where the words name none
 * @returns 0
 */
export async function complete(program: Command, words: readonly string[], stack: string | undefined): Promise<number> {
  const chosen = stackIn(words) ?? stack;
  const sessions = () =>
    chosen === undefined ? [] : knownSessions(chosen).map((name): Suggestion => [name, "session"]);
  const found = suggest(
    program,
    words,
    {
      stack: () => knownStacks().map((name): Suggestion => [name, "stack"]),
      machine: () => (chosen === undefined ? [] : knownMachines(chosen)).map((name): Suggestion => [name, "machine"]),
      session: sessions,
      name: sessions,
      pool: () => (chosen === undefined ? [] : knownPools(chosen)).map((name): Suggestion => [name, "pool"]),
      region: () => pricedRegions().map((name): Suggestion => [name, "region"]),
      ...FEW_VALUES,
      env: () => Object.keys(process.env).map((name): Suggestion => [name, "passes this variable on"]),
      allow: () => GROUP_NAMES.map((name): Suggestion => [name, HOST_GROUPS[name]?.what ?? ""]),
    },
    ["cp"],
  );
  for (const [word, description] of found.words) process.stdout.write(`${word}\t${description}\n`);
  if (found.files) process.stdout.write(`${FILES_LINE}\n`);
  return 0;
}

/** The stack that the words name before the last one. */
function stackIn(words: readonly string[]): string | undefined {
  const before = words.slice(0, -1);
  for (const [at, word] of before.entries()) {
    if (word === "--") return undefined;
    if (word === "--stack" || word === "-s") return before[at + 1] === "=" ? before[at + 2] : before[at + 1];
    const [, value] = /^(?:--stack=|-s=?)(.+)$/.exec(word) ?? [];
    if (value !== undefined) return value;
  }
  return undefined;
}
