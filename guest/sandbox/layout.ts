import { lstat, readlink } from "node:fs/promises";

/** One entry of the machine's root that a session sees, read-only. */
export type RootEntry =
  | { readonly path: string; readonly kind: "folder" }
  | { readonly path: string; readonly kind: "link"; readonly target: string };

/**
 * The parts of the machine's file system that a session sees. Only parts that exist are listed, so that no mount can
 * fail.
 */
export interface Layout {
  /** Entries shown read-only, under the same path. The rest of the root does not exist in the session. */
  readonly shown: readonly RootEntry[];
  /** Folders inside what is shown that appear empty; `/etc/ssh` has the runtime image's settings instead. */
  readonly emptied: readonly string[];
}

/**
 * The parts of the root that sessions see: programs, libraries and settings. `/sessions`, `/run`, `/root`, `/home`,
 * `/boot`, `/mnt`, `/media`, `/srv`, most of `/var` and `/sys` are not shown, so nothing in them needs to be hidden:
 * other sessions, the machine's sockets, keys and logs, cloud-init's user data, the operator's files.
 */
const SHOWN = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt"];

/** Further folders that programs look for: package lists, fonts, and the processors' and memory's layout. */
const SHOWN_PARTS = [
  "/var/lib/dpkg",
  "/var/lib/texmf",
  "/var/lib/ghostscript",
  "/var/cache/fontconfig",
  "/sys/devices/system",
];

/**
 * Folders of `/etc` with facts about this machine. The other folders hold nothing that an ordinary user could read and
 * should not. Every hidden folder costs each command one mount.
 */
const EMPTIED = ["/etc/cloister", "/etc/ssh", "/etc/cloud"];

/** Looks at the machine's root. The answer holds as long as nobody changes the machine's top-level folders. */
export async function readLayout(): Promise<Layout> {
  const shown = await Promise.all([...SHOWN, ...SHOWN_PARTS].map(entry));
  const emptied = await Promise.all(EMPTIED.map(async (path) => ((await kindOf(path)) === "folder" ? [path] : [])));
  return { shown: shown.flatMap((found) => found ?? []), emptied: emptied.flat() };
}

async function entry(path: string): Promise<RootEntry | undefined> {
  switch (await kindOf(path)) {
    case "folder":
      return { path, kind: "folder" };
    case "link":
      return { path, kind: "link", target: await readlink(path) };
    default:
      return undefined;
  }
}

async function kindOf(path: string): Promise<"folder" | "link" | "file" | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) return "link";
  return found.isDirectory() ? "folder" : "file";
}
