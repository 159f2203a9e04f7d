import { readFile } from "node:fs/promises";

/** Returns the text of a file of /proc or /sys without its last line's end; undefined when it cannot be read. */
export async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").then(
    (text) => text.trimEnd(),
    () => undefined,
  );
}

/** Parses `NAME=VALUE` lines as os-release(5) has them, quotes taken off. */
export function parseAssignments(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, name, value] = /^([A-Za-z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined && value !== undefined) found[name] = value.replace(/^(["'])(.*)\1$/, "$2");
  }
  return found;
}

/**
 * Parses `Name: value` lines as /proc/meminfo and /proc/cpuinfo have them; when a name is repeated, the first value
 * counts.
 */
export function parseFields(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) found[line.slice(0, colon).trim()] ??= line.slice(colon + 1).trim();
  }
  return found;
}
