import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { RUN_FILES } from "../../contract/run-files.ts";
import { SESSION_USERS } from "../../contract/users.ts";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { tryRun } from "../lib/exec.ts";
import { RUNTIME_ROOT } from "../sandbox/paths.ts";
import { checkName } from "./names.ts";
import { HOMES } from "./state.ts";

/**
 * The folder that records what could not be removed: one file for each session, owned by root. It is gone after a boot.
 */
export const UNREMOVED: string = RUN_FILES.unremoved;

/** The program that removes folders without naming a path (guest/seal/cmd/remove-tree). */
const PROGRAM = `${RUNTIME_ROOT}/bin/remove-tree`;

export interface RemoveTreeOptions {
  /** Range of user ids. The folder must belong to one of them. Default: any owner. */
  readonly ownedBy?: { readonly from: number; readonly to: number };
  readonly program?: string;
}

/** Something could not be removed. The message says what and why; it can be printed safely whatever the name is. */
export class NotRemoved extends Error {
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[]) {
    super(`${path} is not removed: ${problems.join("; ")}`);
    this.name = "NotRemoved";
    this.problems = problems;
  }
}

/**
 * Removes an entry of a folder that only root can write, with everything in it, whatever a session has put there. An
 * entry that does not exist counts as removed. The program ends with this process, so a process that cleans up after
 * this one works alone.
 *
 * @throws {NotRemoved} when something stays; all the rest is gone then too
 */
export async function removeTree(parent: string, name: string, options: RemoveTreeOptions = {}): Promise<void> {
  const { ownedBy, program = PROGRAM } = options;
  const range = ownedBy === undefined ? [] : ["--owned-by", `${ownedBy.from}-${ownedBy.to}`];
  const finished = await tryRun([program, "--supervisor", String(process.pid), ...range, parent, name]);
  if (finished.code === 0) return;
  const said = finished.stderr.split("\n").flatMap((line) => {
    const text = line.replace(/^cloister: /, "").trim();
    return text === "" ? [] : [text];
  });
  throw new NotRemoved(join(parent, name), said.length > 0 ? said : [`remove-tree ended with ${finished.code}`]);
}

/**
 * Removes a session's home, and keeps a record while it cannot be removed. A folder with this name that belongs to no
 * session stays.
 *
 * @throws {NotRemoved} when something stays
 */
export async function removeHomeTree(
  name: string,
  { homes = HOMES, records = UNREMOVED, program = PROGRAM } = {},
): Promise<void> {
  try {
    await removeTree(homes, name, { ownedBy: SESSION_USERS, program });
    await recordUnremoved(name, undefined, records);
  } catch (error) {
    await recordUnremoved(name, (error as Error).message, records);
    throw error;
  }
}

/** The remains of an ended session that could not be removed. */
export interface Unremoved {
  readonly name: string;
  readonly reason: string;
}

/** Lists what could not be removed since the boot, sorted by name. guest/seal/cmd/keeper writes these records too. */
export async function unremoved(records: string = UNREMOVED): Promise<Unremoved[]> {
  const names = (await readdir(records).catch(ignoreMissing)).filter((name) => checkName(name) === undefined).sort();
  const read = await Promise.all(
    names.map(async (name) => {
      const reason = await readFile(join(records, name), "utf8").catch(ignoreMissing);
      return typeof reason === "string" ? [{ name, reason: reason.trim() }] : [];
    }),
  );
  return read.flat();
}

/** Records why something of a session stays. Without a reason, removes the record. */
export async function recordUnremoved(name: string, reason: string | undefined, records = UNREMOVED): Promise<void> {
  if (checkName(name) !== undefined) return;
  if (reason === undefined) return await rm(join(records, name), { force: true });
  await mkdir(records, { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(records, name), `${reason}\n`, 0o600);
}

function ignoreMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === "ENOENT") return [];
  throw error;
}
