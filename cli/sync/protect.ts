/**
 * Which changes of a session are not brought back unless the operator names them: those that let a program run on the
 * operator's computer without being asked to, when git, an editor or a shell only looks at the folder. See
 * docs/decisions/0014-sync.md.
 */

import { FoldersOnTheWay } from "./folders.ts";
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
  const look = (folder: string, name: string | undefined, above: Step | undefined): Step => {
    const spelt = name === undefined ? "" : plain(name);
    const plainPath = above === undefined ? spelt : `${above.plainPath}/${spelt}`;
    const step = {
      plain: spelt,
      plainPath,
      begin: name === undefined ? 0 : plainPath.length + 1,
      obeyed: name === undefined ? undefined : whyObeyed(spelt, above?.plain),
      git: name !== undefined && isGitName(spelt),
      led: name === undefined ? undefined : led.get(plainPath),
      before: before.has(folder),
      after: after.has(folder),
      deciding: above?.deciding ?? [],
    };
    const decides = step.obeyed !== undefined || step.git || step.led !== undefined || step.after;
    return decides ? { ...step, deciding: [...step.deciding, step] } : step;
  };
  const top = look("", undefined, undefined);
  const way = new FoldersOnTheWay<Step>(look);
  return (path, kind) => {
    if (wanted.some((one) => path === one || path.startsWith(`${one}/`))) return undefined;
    const { plainPath, deciding } = way.of(path).at(-1) ?? top;
    for (const step of [...top.deciding, ...deciding]) {
      if (step.obeyed !== undefined) return { why: step.obeyed };
      const below = plainPath.slice(step.begin);
      if (step.git) {
        if (below === "" && kind !== "d" && kind !== undefined) return { why: "it leads git elsewhere" };
        if (below !== "" && kind === "l") return { why: LINK };
        if (below !== "" && !WORK.test(below)) return { why: "git obeys it" };
        continue;
      }
      if (step.led !== undefined) return { why: step.led };
      if (below === "" || !step.after) continue;
      if (kind === "l") return { why: LINK };
      if (ORDERS.test(below)) return { why: "git obeys it: its folder is laid out as a repository" };
      if (!step.before && LAYOUT.test(below)) return { why: "it would make its folder a repository" };
    }
    return undefined;
  };
}

/** What is known of a folder on the way to a path, or of the path itself. */
interface Step {
  /** The name, and the whole path, as {@link Led} spells them. */
  readonly plain: string;
  readonly plainPath: string;
  /** Where in a longer path begins what is below it. */
  readonly begin: number;
  /** Why the name itself is obeyed. */
  readonly obeyed: string | undefined;
  readonly git: boolean;
  readonly led: string | undefined;
  /** It is laid out as a repository here, and with what is there. */
  readonly before: boolean;
  readonly after: boolean;
  /** The steps on the way to it, and itself, that may decide about a path. */
  readonly deciding: readonly Omit<Step, "deciding">[];
}

/**
 * Makes the function that finds the repository's own folder that a path is in, the innermost one; undefined when it is in
 * none.
 */
export function repositoriesOf(repositories: ReadonlySet<string>): (path: string) => string | undefined {
  const way = new FoldersOnTheWay<string | undefined>((folder, name, above) =>
    isGitName(plain(name)) || repositories.has(folder) ? folder : above,
  );
  return (path) => way.of(path).at(-2);
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
