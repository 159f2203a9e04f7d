import { realpath, stat } from "node:fs/promises";
import { isAbsolute, sep } from "node:path";
import { MOUNT_MODES, type MountMode, type MountRequest } from "../run-types.ts";

/** A mount whose source was looked at. */
export interface Mount {
  readonly name: string;
  readonly mode: MountMode;
  /** The folder itself: no part of it is a symbolic link. */
  readonly source: string;
  /** Whose folder it is: what the session creates in it belongs to them. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Folders of the session disk that may be shown to sessions. */
export const FOLDERS = "/sessions/folders";

/**
 * What may not be shown to a session: neither itself, nor a folder in it, nor a folder that has it inside. The machine's
 * own files, and everything in which sessions or keys live.
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

/** Parses DIR:NAME:MODE of `--mount`. Colons in DIR are part of it. */
export function parseMount(text: string): MountRequest | { readonly problem: string } {
  const quoted = `--mount ${JSON.stringify(text)}`;
  const [, source, name, mode] = /^(.*):([^:]*):([^:]*)$/.exec(text) ?? [];
  if (source === undefined || name === undefined || mode === undefined) {
    return { problem: `${quoted}: write DIR:NAME:MODE, such as /sessions/folders/site:site:rw` };
  }
  if (!isMode(mode)) {
    return { problem: `${quoted}: there is no mode ${JSON.stringify(mode)}; write ${describeModes()}` };
  }
  return { source, name, mode };
}

const isMode = (text: string): text is MountMode => (MOUNT_MODES as readonly string[]).includes(text);

const describeModes = () => "ro (read only), rw (write, but delete nothing) or rwd (write and delete)";

/**
 * Looks at the sources of all mounts. Symbolic links are resolved first: it is the folder they lead to that is judged
 * and mounted. All problems are returned, each with its value.
 */
export async function checkMounts(
  requests: readonly MountRequest[],
): Promise<{ mounts: readonly Mount[]; problems: readonly string[] }> {
  const mounts: Mount[] = [];
  const problems: string[] = [];
  const names = new Set<string>();
  for (const request of requests) {
    const quoted = `mount ${request.source}:${request.name}:${request.mode}`;
    const complain = (what: string) => problems.push(`${quoted}: ${what}`);
    if (!isMode(request.mode)) complain(`there is no mode ${JSON.stringify(request.mode)}; write ${describeModes()}`);
    const wrongName = checkMountName(request.name);
    if (wrongName !== undefined) complain(wrongName);
    else if (names.has(request.name)) complain(`the name ${request.name} is used by another mount; choose another one`);
    names.add(request.name);
    const source = await resolveSource(request.source);
    if ("problem" in source) complain(source.problem);
    else mounts.push({ name: request.name, mode: request.mode, ...source });
  }
  return { mounts, problems };
}

function checkMountName(name: string): string | undefined {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(name) && name !== "." && name !== "..") return undefined;
  return `${JSON.stringify(name)} cannot be a folder's name here: write 1 to 64 letters, digits, ., _ or -`;
}

async function resolveSource(source: string): Promise<Pick<Mount, "source" | "owner"> | { readonly problem: string }> {
  if (!isAbsolute(source)) return { problem: "the folder's path must be absolute" };
  const resolved = await realpath(source).catch((error: NodeJS.ErrnoException) => error);
  if (resolved instanceof Error) {
    return {
      problem:
        resolved.code === "ENOENT"
          ? "there is no such folder; make it first"
          : `the folder cannot be looked at (${resolved.code})`,
    };
  }
  const through = resolved === source ? "" : ` (it leads to ${resolved})`;
  const found = await stat(resolved);
  if (!found.isDirectory()) return { problem: `not a folder${through}; only folders can be mounted` };
  const why = refuseSource(resolved);
  if (why !== undefined) return { problem: `${why}${through}` };
  return { source: resolved, owner: { uid: found.uid, gid: found.gid } };
}

/** Why a folder may not be shown to sessions, or undefined if it may. Its path must have been resolved. */
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

/** Whom a mount is for. */
export interface MountUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * bindfs(1) for one mount. Inside, every file belongs to the session's user; what it creates belongs outside to the
 * folder's owner. Neither set-user-id bits nor device files work through it.
 */
export function bindfsArguments(mount: Mount, user: MountUser, target: string): string[] {
  const options = ["allow_other", "nosuid", "nodev", "default_permissions", ...(mount.mode === "ro" ? ["ro"] : [])];
  return [
    "bindfs",
    `--force-user=${user.uid}`,
    `--force-group=${user.gid}`,
    `--create-for-user=${mount.owner.uid}`,
    `--create-for-group=${mount.owner.gid}`,
    "--chown-ignore",
    "--chgrp-ignore",
    // Files that only their owner can read are the session's to read too: its user stands for the owner.
    ...(mount.mode === "rw" ? ["--delete-deny"] : []),
    "-o",
    options.join(","),
    mount.source,
    target,
  ];
}
