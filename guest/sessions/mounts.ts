import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { isAbsolute, normalize, sep } from "node:path";
import type { Problem } from "../../contract/problem.ts";
import { MOUNT_MODES, type MountMode, type MountRequest } from "./request.ts";

/** A mount whose source was looked at. */
export interface Mount {
  readonly name: string;
  readonly mode: MountMode;
  /**
   * The folder's path when it was opened; no part of it is a symbolic link. It is for people only: {@link folder} is
   * the folder.
   */
  readonly source: string;
  /**
   * The folder itself, opened once. The same descriptor is judged and mounted. A session may rename folders and plant
   * links while a path is walked, so the path is not walked again.
   */
  readonly folder: FileHandle;
  /** The folder's owner, who also owns what the session creates in it. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Folders of the session disk that may be shown to sessions. */
export const FOLDERS = "/sessions/folders";

/**
 * Folders that no session may see: neither the folder itself, nor a folder in it, nor a folder that has it inside. They
 * are the machine's own files, and everything in which sessions or keys live.
 */
const PROTECTED = [
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/opt/cloister",
  "/proc",
  "/root",
  "/run",
  "/sbin",
  "/sessions",
  "/sys",
  "/usr",
  "/var",
];

type MountProblem = Problem & { readonly subject: "mounts" };

/** Parses DIR:NAME:MODE. Colons in DIR are part of it. */
export function parseMount(text: string): MountRequest | { readonly problem: MountProblem } {
  const [, source, name, mode] = /^(.*):([^:]*):([^:]*)$/s.exec(text) ?? [];
  if (source === undefined || name === undefined || mode === undefined) {
    return { problem: wrongMount(text, "write DIR:NAME:MODE, such as /sessions/folders/site:site:rw") };
  }
  // Another mode is refused with the request's other problems.
  return { source, name, mode: mode as MountMode };
}

const wrongMount = (value: string, message: string): MountProblem => ({
  code: "CLOISTER_E_MOUNT",
  subject: "mounts",
  value,
  message,
});

/** A mount as it is written. */
export const mountText = ({ source, name, mode }: MountRequest): string => `${source}:${name}:${mode}`;

/** Returns the problems that the text of mount requests shows, without a look at the machine. */
export function checkMountRequests(requests: readonly MountRequest[]): MountProblem[] {
  const names = new Set<string>();
  return requests.flatMap((request) => {
    const problems: string[] = [];
    if (!isMode(request.mode))
      problems.push(`there is no mode ${JSON.stringify(request.mode)}; write ${describeModes()}`);
    const wrongName = checkMountName(request.name);
    if (wrongName !== undefined) problems.push(wrongName);
    else if (names.has(request.name)) {
      problems.push(`the name ${request.name} is used by another mount; choose another one`);
    }
    names.add(request.name);
    const wrongSource = checkSourceText(request.source);
    if (wrongSource !== undefined) problems.push(wrongSource);
    return problems.map((message) => wrongMount(mountText(request), message));
  });
}

function checkSourceText(source: string): string | undefined {
  if (!isAbsolute(source)) return "the folder's path must be absolute";
  if (source.includes("\0")) return "the folder's path holds a NUL character";
  return refuseSource(withoutSlash(source));
}

/** A path without the slash at its end. */
export const withoutSlash = (path: string) => normalize(path).replace(/(?<=.)\/$/, "");

const isMode = (text: string): text is MountMode => (MOUNT_MODES as readonly string[]).includes(text);

const describeModes = () =>
  "ro (read only), rw (write, but delete nothing that was there before), trash (write and delete, but what was there " +
  "before is kept aside) or rwd (write and delete)";

/**
 * Opens the sources of all mounts and judges them. Symbolic links are refused: a user who may write to a folder could
 * redirect the mount with one. All problems are returned, each with its value.
 *
 * Each returned mount is open, also when there are problems. The caller must call {@link closeMounts}.
 */
export async function checkMounts(
  requests: readonly MountRequest[],
): Promise<{ mounts: readonly Mount[]; problems: readonly Problem[] }> {
  const mounts: Mount[] = [];
  const problems: Problem[] = checkMountRequests(requests);
  for (const request of requests) {
    // The text of this source was refused already.
    if (checkSourceText(request.source) !== undefined) continue;
    const source = await openSource(request.source);
    if ("problem" in source) problems.push(wrongMount(mountText(request), source.problem));
    else mounts.push({ name: request.name, mode: request.mode, ...source });
  }
  return { mounts, problems };
}

/** Returns why a name cannot be that of a folder in `mnt/`; undefined when it can. */
export function checkMountName(name: string): string | undefined {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(name) && name !== "." && name !== "..") return undefined;
  return `${JSON.stringify(name)} cannot be a folder's name here: write 1 to 64 letters, digits, ., _ or -`;
}

type Opened = Pick<Mount, "source" | "folder" | "owner">;

/**
 * O_PATH (open(2)), which Node does not name. It opens the folder as a reference and reads nothing. The number is the
 * same on amd64 and arm64.
 */
const O_PATH = 0o10000000;

async function openSource(source: string): Promise<Opened | { readonly problem: string }> {
  const wanted = withoutSlash(source);
  let folder: FileHandle;
  try {
    folder = await open(wanted, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    return { problem: whyNotOpened((error as NodeJS.ErrnoException).code) };
  }
  const judged = await judge(folder, wanted).catch((error: Error) => ({ problem: error.message }));
  if ("problem" in judged) await folder.close();
  return judged;
}

function whyNotOpened(code: string | undefined): string {
  if (code === "ENOENT") return "there is no such folder; make it first";
  if (code === "ENOTDIR") return "not a folder; only folders can be mounted";
  return `the folder cannot be looked at (${code})`;
}

/**
 * Judges a folder by its descriptor only. The kernel's path for the descriptor is the true one, even if a session
 * changed the path meanwhile.
 */
async function judge(folder: FileHandle, wanted: string): Promise<Opened | { readonly problem: string }> {
  const source = await readlink(`/proc/self/fd/${folder.fd}`);
  const through = source === wanted ? "" : ` (it leads to ${source})`;
  const why = refuseSource(source);
  if (why !== undefined) return { problem: `${why}${through}` };
  if (through !== "") {
    return {
      problem: `a part of the path is a symbolic link, which a session could change${through}; name that folder`,
    };
  }
  const { uid, gid } = await folder.stat();
  return { source, folder, owner: { uid, gid } };
}

/** Closes what {@link checkMounts} opened. The mounts that were made of it stay. */
export async function closeMounts(mounts: readonly Pick<Mount, "folder">[]): Promise<void> {
  await Promise.all(mounts.map(({ folder }) => folder.close()));
}

/**
 * Returns why a folder may not be shown to sessions; undefined when it may. No part of its path may be a symbolic link.
 */
export function refuseSource(path: string): string | undefined {
  if (path !== FOLDERS && isWithin(path, FOLDERS)) return undefined;
  const inside = PROTECTED.find((folder) => isWithin(path, folder));
  if (inside === "/sessions") {
    return `sessions may not see each other: of /sessions only folders in ${FOLDERS} can be mounted`;
  }
  if (inside !== undefined) return `${inside} belongs to the machine and is not shown to sessions`;
  const holds = PROTECTED.find((folder) => isWithin(folder, path));
  if (holds !== undefined) return `it has ${holds} inside, which is not shown to sessions; name a folder further down`;
  return undefined;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === sep ? sep : folder + sep);
}
