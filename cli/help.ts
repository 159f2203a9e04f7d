import type { Command } from "commander";
import { nearest } from "../contract/nearest.ts";

/**
 * Gives a command, and each below it that has commands of its own, a command `help` that refuses what it does not know.
 * Commander's own shows the whole help then, and does not say why.
 */
export function addHelp(parent: Command): void {
  const below = parent.commands.filter(({ commands }) => commands.length > 0);
  parent
    .helpCommand(false)
    .command("help")
    .description("Shows the help of a command.")
    .argument("[command...]")
    .action((words: string[]) => helpOf(parent, words));
  for (const command of below) addHelp(command);
}

function helpOf(parent: Command, words: readonly string[]): void {
  const [word, ...rest] = words;
  if (word === undefined) {
    parent.help();
    return;
  }
  const names = parent.createHelp().visibleCommands(parent);
  const found = names.find((command) => command.name() === word);
  if (found !== undefined) {
    helpOf(found, rest);
    return;
  }
  const known = names.map((command) => command.name());
  const close = nearest(word, known);
  const all = known.length > 0 ? ` There are: ${known.join(", ")}.` : "";
  parent.error(
    `error: ${parent.name()} has no command '${word}'.${close === undefined ? "" : ` Did you mean ${close}?`}${all}`,
    { exitCode: 2 },
  );
}
