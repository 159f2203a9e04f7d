/**
 * Which changes of a session are not brought back unless the operator names them: those that let a program run on the
 * operator's computer without being asked to, when git, an editor or a shell only looks at the folder. See
 * docs/decisions/0014-sync.md.
 */

import type { Entry } from "./listing.ts";
import { whyObeyed } from "./obeyed.ts";

/** Why a change stays on the machine. */
export interface Protection {
  readonly why: string;
}

/** Entries of a repository's own folder that hold work and no orders. All others can name programs, or other folders. */
const WORK =
  /^(?:HEAD|ORIG_HEAD|FETCH_HEAD|MERGE_HEAD|MERGE_MSG|MERGE_MODE|AUTO_MERGE|CHERRY_PICK_HEAD|REVERT_HEAD|COMMIT_EDITMSG|SQUASH_MSG|description|index|packed-refs|shallow|info|info\/exclude|info\/refs|refs(?:\/.*)?|logs(?:\/.*)?|branches|objects|objects\/(?!info\/).*|sharedindex\.[0-9a-f]+)$/is;

/** Entries of a folder that is laid out as a repository, without git's name for one, that git obeys. */
const ORDERS =
  /^(?:config(?:\.worktree)?|hooks|commondir|gitdir|modules|worktrees|objects\/info|info\/attributes|info\/sparse-checkout|rebase-[^/]*|sequencer)(?:\/|$)/;
/** The entries by which git knows such a folder. */
const LAYOUT = /^(?:head|objects|refs|commondir)(?:\/|$)/;

/** git writes texts that a session chose, such as messages of commits, into files that have these names. */
const LINK = "git would write through it";

/** Judges a change of a session's. @returns why it stays on the machine; undefined when it comes back */
export type Judge = (path: string, kind: Entry["kind"] | undefined) => Protection | undefined;

/**
 * Makes the judge of changes.
 *
 * @param here the paths of the operator's folder
 * @param there the paths of the machine's: a folder that both together lay out as a repository is one
 * @param asked paths that the operator wants: these, and all below them, are not protected
 * @param led paths to which the operator's own files lead a program (led.ts), each with the words for why
 */
export function protection(
  here: Iterable<string>,
  there: Iterable<string>,
  asked: readonly string[] = [],
  led: ReadonlyMap<string, string> = new Map(),
): Judge {
  const own = [...here];
  const before = findRepositories(own);
  const after = findRepositories([...own, ...there]);
  const wanted = asked.map((path) => Buffer.from(path.replace(/^\.\/|\/+$/g, "")).toString("latin1"));
  return (path, kind) => {
    if (wanted.some((one) => path === one || path.startsWith(`${one}/`))) return undefined;
    const names = path.split("/");
    const plainNames = names.map(plain);
    for (let i = 0; i <= names.length; i++) {
      const name = i === 0 ? undefined : plainNames[i - 1];
      const below = plainNames.slice(i).join("/");
      const obeyed = name === undefined ? undefined : whyObeyed(name, plainNames[i - 2]);
      if (obeyed !== undefined) return { why: obeyed };
      if (name !== undefined && isGitName(name)) {
        if (below === "" && kind !== "d" && kind !== undefined) return { why: "it leads git elsewhere" };
        if (below !== "" && kind === "l") return { why: LINK };
        if (below !== "" && !WORK.test(below)) return { why: "git obeys it" };
        continue;
      }
      const folder = names.slice(0, i).join("/");
      const why = i === 0 ? undefined : led.get(plainNames.slice(0, i).join("/"));
      if (why !== undefined) return { why };
      if (below === "" || !after.has(folder)) continue;
      if (kind === "l") return { why: LINK };
      if (ORDERS.test(below)) return { why: "git obeys it: its folder is laid out as a repository" };
      if (!before.has(folder) && LAYOUT.test(below)) return { why: "it would make its folder a repository" };
    }
    return undefined;
  };
}

/** The repository's own folder that a path is in, the innermost one; undefined when it is in none. */
export function repositoryOf(path: string, repositories: ReadonlySet<string>): string | undefined {
  const names = path.split("/");
  for (let i = names.length - 1; i > 0; i--) {
    const above = names.slice(0, i).join("/");
    if (isGitName(plain(names[i - 1] ?? "")) || repositories.has(above)) return above;
  }
  return undefined;
}

/** Folders that git takes for a repository: `HEAD`, `objects` and `refs` are in them. */
export function findRepositories(paths: Iterable<string>): ReadonlySet<string> {
  const parts = new Map<string, Set<string>>();
  for (const path of paths) {
    const at = path.lastIndexOf("/");
    const name = plain(path.slice(at + 1));
    if (!["head", "objects", "refs", "commondir"].includes(name)) continue;
    const above = at < 0 ? "" : path.slice(0, at);
    parts.set(above, (parts.get(above) ?? new Set()).add(name));
  }
  return new Set(
    [...parts].flatMap(([folder, found]) =>
      found.has("head") && (found.has("commondir") || (found.has("objects") && found.has("refs"))) ? [folder] : [],
    ),
  );
}

/** A file system may take this name for `.git`: see `is_ntfs_dotgit` and `is_hfs_dotgit` of git's. */
export function isGitName(name: string): boolean {
  return /^(?:\.git|git~\d+)[ .]*(?::.*)?$/.test(name);
}

/** A name as a file system may compare it that ignores case, spelling and characters that are not seen. */
export function plain(name: string): string {
  return Buffer.from(name, "latin1")
    .toString("utf8")
    .normalize("NFKC")
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toLowerCase();
}
