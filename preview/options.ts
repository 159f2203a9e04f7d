/** Values that several of the commands take. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError, Option } from "commander";

/** Reads the value of an option that names a stack. @throws InvalidArgumentError, which commander tells with the option */
export function stackName(text: string): string {
  if (!/^[A-Za-z0-9_.-]+$/.test(text))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no name of a stack: letters, digits, ".", "_" and "-"`);
  return text;
}

/** Hands a file's events, one a line, to a collector. @throws Error when the file cannot be read */
export async function eventsFrom<C extends { add(line: string): unknown }>(file: string, collector: C): Promise<C> {
  const input = createReadStream(file);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) collector.add(line);
  return collector;
}

/** Names a run of the engine that is there already: both, or none. */
export interface RecordedOptions {
  readonly events?: string;
  readonly state?: string;
}

/**
 * Adds the options of a run that is there already.
 *
 * @param run what it was, such as "preview"
 * @param running the keys of the options that ask for a run of the engine, and so cannot stand beside these
 */
export function withRecorded(command: Command, run: string, running: string[] = []): Command {
  const events = `a ${run} that is there already: its events, one a line; with --state`;
  return command
    .addOption(new Option("--events <file>", events).conflicts(running))
    .option("--state <file>", `what \`pulumi stack export\` wrote before that ${run}`);
}

/** Refuses one of the two without the other, as a use of the command that is wrong. */
export function refuseHalfRecorded(command: Command): void {
  const { events, state } = command.opts<RecordedOptions>();
  if ((events === undefined) !== (state === undefined))
    command.error("--events and --state belong together: write both, or none");
}
