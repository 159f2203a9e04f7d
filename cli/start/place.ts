import { randomUUID } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Paths } from "../../infra/local/paths.ts";

/** Folders that `npm start` writes into. */
interface Place {
  readonly project: string;
  /** Folder of the stacks' state, in the project. */
  readonly state: string;
  readonly machine: Pick<Paths, "root">;
  readonly cache: string;
}

/** What the system says of a folder. Tests say it instead. */
export interface Look {
  readonly canWrite: (folder: string) => boolean;
  readonly keepsModes: (folder: string) => boolean;
  readonly runsPrograms: (folder: string) => boolean;
}

const REAL: Look = { canWrite, keepsModes, runsPrograms };

/** A reason why the stack's own folders cannot be written; undefined: they can, or will be made. */
export function closedFolder({ project, state, machine }: Omit<Place, "cache">, look: Look = REAL): string | undefined {
  if (!look.canWrite(project)) {
    return `${project} cannot be written (it is ${ownerOf(project)}): npm start keeps the stack and its settings in it. Clone the project into a folder of yours.`;
  }
  const own = [join(project, ".cloister"), state, nearestFolder(machine.root)].filter(existsSync);
  const closed = own.find((folder) => !look.canWrite(folder));
  return closed === undefined
    ? undefined
    : `${closed} cannot be written: it is ${ownerOf(closed)}, as an earlier run was (sudo?). ${giveBack(closed)}.`;
}

/** Reasons why the folders of this computer will not do, all at once, before anything is fetched or made. Empty: they will. */
export function placeProblems(place: Place, look: Look = REAL): string[] {
  const { project, machine, cache } = place;
  const closed = closedFolder(place, look);
  // In a clone that is another user's nothing else matters.
  if (closed !== undefined && !look.canWrite(project)) return [closed];
  const caches = existsSync(cache) ? [cache, ...foldersIn(cache)] : [nearestFolder(cache)];
  const closedCache = caches.find((folder) => !look.canWrite(folder));
  const problems = closed === undefined ? [] : [closed];
  if (closedCache !== undefined) {
    problems.push(
      `the cache ${closedCache} cannot be written: it is ${ownerOf(closedCache)}. ${giveBack(closedCache)}, or name a cache of yours: CLOISTER_CACHE_DIR=/a/folder.`,
    );
  }
  if (closedCache === undefined && !look.runsPrograms(nearestFolder(cache))) {
    problems.push(
      `the cache ${cache} is on a file system that runs no programs (mounted noexec), and Pulumi is kept in it: name a folder elsewhere: CLOISTER_CACHE_DIR=/a/folder.`,
    );
  }
  if (closed === undefined && !look.keepsModes(nearestFolder(machine.root))) {
    problems.push(
      `${machine.root} is on a file system that keeps no modes (a Windows drive, FAT, some network drives): keys in it would be open to all, and ssh refuses them. Clone the project elsewhere (in WSL below /home), or name a folder: cloister:stateDirectory.`,
    );
  }
  return problems;
}

/** A hint for who runs this by sudo in a folder that is not root's; undefined for all others. */
export function sudoHint(
  project: string,
  uid: number | undefined = process.getuid?.(),
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const caller = Number(env["SUDO_UID"] ?? 0);
  if (uid !== 0 || caller === 0 || statSync(project).uid !== caller) return undefined;
  return `Run by sudo: what this makes in ${project} is root's, so cloister and npm run down need sudo, too. Without it npm start says what to install.`;
}

function giveBack(folder: string): string {
  return `Give it back: sudo chown -R "$(id -u):$(id -g)" '${folder.replaceAll("'", "'\\''")}'`;
}

function ownerOf(folder: string): string {
  const { uid } = lstatSync(folder);
  if (uid === process.getuid?.()) return "yours, and closed or on a read-only file system";
  return uid === 0 ? "root's" : `that of the user with number ${uid}`;
}

/** The folder, or the one in which it will be made. */
export function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}

/** Tells whether this process may make files in a folder. */
export function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tells whether a folder's file system keeps modes. Tried on a folder of our own: some file systems say that they
 * changed a mode and have not. Where none can be made (a full disk) nothing is known, and nothing is said.
 */
export function keepsModes(folder: string): boolean {
  let probe: string;
  try {
    probe = mkdtempSync(join(folder, ".cloister-modes-"));
  } catch {
    return true;
  }
  try {
    chmodSync(probe, 0o700);
    return (statSync(probe).mode & 0o777) === 0o700;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/** Tells whether programs in a folder can be run. Where no file can be made (a full disk) nothing is known, and nothing is said. */
export function runsPrograms(folder: string): boolean {
  const probe = join(folder, `.cloister-runs-${randomUUID()}`);
  try {
    writeFileSync(probe, "", { mode: 0o700 });
    // The umask may have taken the owner's rights.
    chmodSync(probe, 0o700);
  } catch {
    return true;
  }
  try {
    // Denied on a file system that is mounted noexec: access(2).
    accessSync(probe, constants.X_OK);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { force: true });
  }
}
