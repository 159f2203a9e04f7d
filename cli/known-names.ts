import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { cacheRoot, sha256 } from "../lib/store.ts";
import { ownStacks, projectFolder } from "../toolchain/own-backend.ts";

/** Names of machines by stack, as they were when a stack was last read. They are for completion alone. */
const Names = z.record(z.string(), z.array(z.string()));

interface Place {
  readonly project?: string;
  readonly cache?: string;
}

const fileOf = ({ project = projectFolder, cache = cacheRoot() }: Place): string =>
  join(cache, "outputs", `names-${sha256(project)}.json`);

/** Remembers a stack's machines, where the cache can be written. */
export function rememberMachines(stack: string, machines: readonly string[], place: Place = {}): void {
  const before = read(place);
  if (JSON.stringify(before[stack]) === JSON.stringify(machines)) return;
  const file = fileOf(place);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify({ ...before, [stack]: machines }), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // Completion is a convenience: it never stands in the way of a command.
  }
}

/** The names of machines that are known of a stack, without asking anybody. */
export function knownMachines(stack: string, place: Place = {}): readonly string[] {
  return read(place)[stack] ?? [];
}

/** The stacks that are known: those of the project's own backend, those with a configuration, those read before. */
export function knownStacks(place: Place = {}): readonly string[] {
  const { project = projectFolder } = place;
  const configured = readdirSync(project).flatMap((file) => /^Pulumi\.([\w.-]+)\.yaml$/.exec(file)?.[1] ?? []);
  return [...new Set([...ownStacks(project), ...configured, ...Object.keys(read(place))])].sort();
}

function read(place: Place): Readonly<Record<string, readonly string[]>> {
  try {
    return Names.parse(JSON.parse(readFileSync(fileOf(place), "utf8")));
  } catch {
    return {};
  }
}
