import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { checkName } from "../guest/sessions/names.ts";
import { cacheRoot, sha256 } from "../lib/store.ts";
import { ownStacks, projectFolder } from "../toolchain/own-backend.ts";

/** Names by stack, as they were when a stack or a machine was last read. They are for completion alone. */
const Machines = z.record(z.string(), z.array(z.string()));
/** By stack and machine. A machine chose these names: what is no session's name is no suggestion. */
const Sessions = z.record(
  z.string(),
  z.record(z.string(), z.array(z.string().refine((name) => checkName(name) === undefined))),
);

interface Place {
  readonly project?: string;
  readonly cache?: string;
}

type Kind = "names" | "pools" | "sessions";

const fileOf = (kind: Kind, { project = projectFolder, cache = cacheRoot() }: Place): string =>
  join(cache, "outputs", `${kind}-${sha256(project)}.json`);

/** Remembers a stack's machines, where the cache can be written. */
export function rememberMachines(stack: string, machines: readonly string[], place: Place = {}): void {
  rememberNames("names", stack, machines, place);
}

/** Remembers a stack's pools, where the cache can be written. */
export function rememberPools(stack: string, pools: readonly string[], place: Place = {}): void {
  rememberNames("pools", stack, pools, place);
}

function rememberNames(kind: "names" | "pools", stack: string, names: readonly string[], place: Place): void {
  const before = read(kind, Machines, place);
  if (JSON.stringify(before[stack] ?? []) === JSON.stringify(names) && stack in before) return;
  write(kind, { ...before, [stack]: names }, place);
}

/** The names of pools that are known of a stack, without asking anybody. */
export function knownPools(stack: string, place: Place = {}): readonly string[] {
  return read("pools", Machines, place)[stack] ?? [];
}

/**
 * Remembers the sessions that a machine keeps, where the cache can be written.
 *
 * @param change makes the names of now from those that were known
 */
export function rememberSessions(
  { stack, machine }: { readonly stack: string; readonly machine: string },
  change: (known: readonly string[]) => readonly string[],
  place: Place = {},
): void {
  const before = read("sessions", Sessions, place);
  const known = before[stack]?.[machine] ?? [];
  const now = [...new Set(change(known))].filter((name) => checkName(name) === undefined).sort();
  if (JSON.stringify(known) === JSON.stringify(now)) return;
  write("sessions", { ...before, [stack]: { ...before[stack], [machine]: now } }, place);
}

/** The names of machines that are known of a stack, without asking anybody. */
export function knownMachines(stack: string, place: Place = {}): readonly string[] {
  return read("names", Machines, place)[stack] ?? [];
}

/** The names of sessions that are known of a stack's machines, without asking anybody. */
export function knownSessions(stack: string, place: Place = {}): readonly string[] {
  return [...new Set(Object.values(read("sessions", Sessions, place)[stack] ?? {}).flat())].sort();
}

/** The stacks that are known: those of the project's own backend, those with a configuration, those read before. */
export function knownStacks(place: Place = {}): readonly string[] {
  const { project = projectFolder } = place;
  const configured = readdirSync(project).flatMap((file) => /^Pulumi\.([\w.-]+)\.yaml$/.exec(file)?.[1] ?? []);
  return [...new Set([...ownStacks(project), ...configured, ...Object.keys(read("names", Machines, place))])].sort();
}

function read<T extends object>(kind: Kind, schema: z.ZodType<T>, place: Place): T | Record<string, never> {
  try {
    return schema.parse(JSON.parse(readFileSync(fileOf(kind, place), "utf8")));
  } catch {
    return {};
  }
}

function write(kind: Kind, names: object, place: Place): void {
  const file = fileOf(kind, place);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(names), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // Completion is a convenience: it never stands in the way of a command.
  }
}
