import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Problem, Settings } from "../../settings/settings.ts";
import { instanceTypeFacts } from "./graviton.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";
import { zonesOf } from "./zones.ts";

/** Zones that have an instance type, by type. */
export type Offerings = Readonly<Record<string, readonly string[]>>;

/** A zone's need: one of these types. */
interface RequestedTypes {
  /** Key of the configuration, without `cloister:`. */
  readonly key: string;
  readonly types: readonly string[];
  readonly zones: readonly string[];
}

/** The types that a stack needs. What is refused for other reasons is left out. */
function requestedTypes(settings: Settings): RequestedTypes[] {
  const key = (own: string | undefined, path: string): string => (own === undefined ? "instanceType" : path);
  const machines = Object.entries(settings.machines).map(([name, own]): RequestedTypes => {
    const { instanceType, zone } = resolveMachine(settings, name);
    return { key: key(own.instanceType, `machines.${name}.instanceType`), types: [instanceType], zones: [zone] };
  });
  const pools = Object.entries(settings.pools).map(([name, own]): RequestedTypes => {
    const { instanceType, spot } = resolvePool(settings, name);
    // Any of a Spot pool's types will do in a zone.
    const types = [instanceType, ...(spot?.instanceTypes ?? [])];
    return { key: key(own.instanceType, `pools.${name}.instanceType`), types, zones: zonesOf(settings) };
  });
  const usable = (type: string): boolean => {
    const { generation, lacks } = instanceTypeFacts(type);
    return generation !== undefined && lacks.length === 0;
  };
  return [...machines, ...pools]
    .filter(({ types }) => types.every(usable))
    .map((one) => ({ ...one, zones: one.zones.filter((zone) => zone.startsWith(settings.region)) }));
}

/** Types that must be asked for: those that are not known to be wherever they are needed. */
export function unknownTypes(settings: Settings, known: Offerings): string[] {
  const lacking = requestedTypes(settings).filter(({ types, zones }) => zones.some((zone) => !has(known, types, zone)));
  return [...new Set(lacking.flatMap(({ types }) => types))].sort();
}

/** Zones that lack the types that they shall have. */
export function offeringProblems(settings: Settings, offered: Offerings): Problem[] {
  const found = requestedTypes(settings).flatMap(({ key, types, zones }) =>
    zones
      .filter((zone) => !has(offered, types, zone))
      .map((zone): Problem => {
        const where = [...new Set(types.flatMap((type) => offered[type] ?? []))].sort();
        const all = where.length > 0 ? `It is offered in ${where.join(", ")}` : `No zone of ${settings.region} has it`;
        return {
          path: `cloister:${key}`,
          value: JSON.stringify(types[0]),
          message: `is not offered in ${zone}. ${all}: write another type, or other cloister:zones.`,
        };
      }),
  );
  return [...new Map(found.map((problem) => [JSON.stringify(problem), problem])).values()];
}

const has = (offered: Offerings, types: readonly string[], zone: string): boolean =>
  types.some((type) => offered[type]?.includes(zone));

/** Asks AWS which zones of a region have these types. Throws when it does not answer. */
export type AskOfferings = (region: string, types: readonly string[]) => Promise<Offerings>;

/** The real one, in a process of its own: AWS's SDK takes a second to load, and speaks of its own affairs on stderr. */
export function askAws(project: string): AskOfferings {
  return async (region, types) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", join("infra", "aws", "steps", "ask-offerings.ts"), region, ...types],
      { cwd: project, timeout: 20_000 },
    );
    return JSON.parse(stdout) as Offerings;
  };
}

/**
 * Zones that lack the types that they shall have, by what AWS says. AWS is asked once for each type: what it has is kept in
 * `file`, what it lacks is asked for again.
 *
 * @param doubt is told why AWS could not be asked; then nothing is known to be wrong
 */
export async function zonesWithoutTypes(args: {
  readonly settings: Settings;
  readonly file: string;
  readonly ask: AskOfferings;
  readonly doubt: (why: string) => void;
}): Promise<Problem[]> {
  const { settings, file, ask, doubt } = args;
  const { region } = settings;
  const kept = await readKept(file, region);
  const types = unknownTypes(settings, kept);
  if (region === "" || types.length === 0) return [];
  let offered: Offerings;
  try {
    offered = { ...kept, ...(await ask(region, types)) };
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    const why = (stderr || message).trim().split("\n").at(-1) ?? "";
    doubt(`whether the zones have ${types.join(", ")} could not be looked up: ${why}`);
    return [];
  }
  // If the answer cannot be kept, AWS is asked again the next time.
  await mkdir(dirname(file), { recursive: true })
    .then(async () => await writeFile(file, JSON.stringify({ region, offered })))
    .catch(() => {});
  return offeringProblems(settings, offered);
}

const Kept = z.object({ region: z.string(), offered: z.record(z.string(), z.array(z.string())) });

async function readKept(file: string, region: string): Promise<Offerings> {
  try {
    const kept = Kept.parse(JSON.parse(await readFile(file, "utf8")));
    return kept.region === region ? kept.offered : {};
  } catch {
    return {};
  }
}
