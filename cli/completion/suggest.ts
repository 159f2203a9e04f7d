import type { Argument, Command, Option } from "commander";

/** A word that can stand there, and what it is. */
export type Suggestion = readonly [word: string, description: string];

/** What can stand in the last word's place. */
export interface Suggestions {
  readonly words: readonly Suggestion[];
  /** True when a file of this computer can stand there. */
  readonly files: boolean;
}

/** The values that are known of an option, by its name without dashes, or of an argument, by its name. */
export type Values = Readonly<Record<string, () => readonly Suggestion[]>>;

const NOTHING: Suggestions = { words: [], files: false };
const FILES: Suggestions = { words: [], files: true };

/**
 * Suggests what can stand in the place of the last word. Every word that is suggested begins with that word.
 *
 * @param program the whole command
 * @param line the words behind its name; the last one may be empty
 * @param filesOf names of commands of which an argument is a file of this computer
 */
export function suggest(
  program: Command,
  line: readonly string[],
  values: Values,
  filesOf: readonly string[],
): Suggestions {
  const words = joined(line);
  const current = words.pop() ?? "";
  let command = program;
  let given = 0;
  let open: Option | undefined;
  const used = new Set<Option>();
  for (const word of words) {
    if (open) open = undefined;
    // What follows belongs to another program.
    else if (word === "--") return FILES;
    else if (word.startsWith("-")) {
      const option = optionOf(command, word);
      if (option && !isRepeatable(option)) used.add(option);
      open = option && takesValue(option) && !word.includes("=") ? option : undefined;
    } else {
      const child = given === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (child) command = child;
      else given += 1;
      // `run WORD`, `policy learn WORD`: the command to be run begins here.
      if (given > 0 && isOfAnother(command)) return FILES;
    }
  }
  if (open) return isFile(open.flags) ? FILES : filtered(valuesOf(open, values), current);
  if (/^--[^=]+=/.test(current)) {
    const option = optionOf(command, current);
    if (option && isFile(option.flags)) return FILES;
    const start = current.slice(0, current.indexOf("=") + 1);
    const known = option ? valuesOf(option, values) : [];
    return filtered(
      known.map(([word, description]) => [start + word, description]),
      current,
    );
  }
  if (current.startsWith("-")) {
    const options = command.createHelp().visibleOptions(command);
    return filtered(
      options.filter((option) => !used.has(option)).flatMap((option) => namesOf(option)),
      current,
    );
  }
  if (command.name() === "help") {
    const others = commandsOf(command.parent ?? command).filter(([name]) => name !== "help");
    return filtered(given > 0 ? [] : others, current);
  }
  const argument = argumentAt(command, given);
  if (argument !== undefined && /^(file|folder)$/.test(argument.name())) return FILES;
  const choices = [
    ...(argument === undefined ? [] : (values[argument.name()]?.() ?? [])),
    ...(argument?.argChoices ?? []).map((word): Suggestion => [word, ""]),
  ];
  const found = filtered([...choices, ...(given > 0 ? [] : commandsOf(command))], current);
  return filesOf.includes(command.name()) ? { ...found, files: true } : found;
}

/** bash makes three words of `--stack=dev`: they are one again, and the value is the word that is completed. */
function joined(line: readonly string[]): string[] {
  const words: string[] = [];
  for (const [at, word] of line.entries()) {
    const before = words.at(-1) ?? "";
    const isLast = at === line.length - 1;
    if (word === "=" && /^--[^=]+$/.test(before)) {
      if (isLast) words.push("");
    } else words.push(word);
  }
  return words;
}

/** The last argument may stand for several words. */
function argumentAt({ registeredArguments: all }: Command, given: number): Argument | undefined {
  const last = all.at(-1);
  return all[given] ?? (last?.variadic ? last : undefined);
}

const commandsOf = (command: Command): Suggestion[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((child) => [child.name(), firstSentence(child.description())]);

/** Words behind the first argument are another program's. */
const isOfAnother = ({ registeredArguments: all }: Command): boolean =>
  all[0]?.variadic === true && all[0].description.includes("after --");

/** Whether an option's value is a file or a folder of this computer. */
const isFile = (flags: string): boolean => /<(file|folder)>/.test(flags);

const takesValue = (option: Option): boolean => option.required || option.optional;
/** Options that are given several times have a list as their default. */
const isRepeatable = (option: Option): boolean => Array.isArray(option.defaultValue);

function optionOf(command: Command, word: string): Option | undefined {
  const [name = ""] = word.split("=");
  return command.options.find((option) => option.long === name || option.short === name);
}

function namesOf({ long, short, description }: Option): readonly Suggestion[] {
  const text = firstSentence(description);
  return [long, short].flatMap((name): readonly Suggestion[] => (name === undefined ? [] : [[name, text]]));
}

function valuesOf(option: Option, values: Values): readonly Suggestion[] {
  const known = values[option.long?.slice(2) ?? ""]?.() ?? [];
  return [...known, ...(option.argChoices ?? []).map((word): Suggestion => [word, ""])];
}

function filtered(all: readonly Suggestion[], start: string): Suggestions {
  const words = all.filter(([word]) => word.startsWith(start));
  return words.length === 0 ? NOTHING : { words, files: false };
}

const firstSentence = (text: string): string => text.split(/[.:;](?:\s|$)/)[0] ?? "";
