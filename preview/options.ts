/** Values that several of the commands take. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { InvalidArgumentError } from "commander";

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
