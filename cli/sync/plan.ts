import { FoldersOnTheWay } from "./folders.ts";
import { followLinks, type Led } from "./led.ts";
import { type Entry, type Listing, textOfEntry } from "./listing.ts";
import { findRepositories, protection, repositoriesOf } from "./protect.ts";

/** The state of each path when both sides last had the same: texts of `textOfEntry`. */
export type Base = ReadonlyMap<string, string>;

/** A path, and a reason for people. */
export interface Told {
  readonly path: string;
  readonly why: string;
}

/** All that one sync does. Paths are latin1 text of their bytes, in the order in which they are carried out. */
export interface SyncPlan {
  readonly send: readonly string[];
  readonly deleteThere: readonly string[];
  readonly bring: readonly string[];
  readonly deleteHere: readonly string[];
  /** Changed on both sides: nothing happens to them. */
  readonly conflicts: readonly Told[];
  /** Changed by a session, and not brought back: programs would obey them. */
  readonly protectedPaths: readonly Told[];
  /** On one side they cannot be copied. */
  readonly unknown: readonly string[];
  /** The paths that both sides have in common already. */
  readonly same: readonly string[];
}

/** The side that wins where both have changed. */
export type Prefer = "here" | "machine";

/**
 * Decides what happens to each path, from the state when both sides were last the same, and from both sides now. All
 * that a repository has besides its objects is one: when it has changed on both sides, none of it moves.
 *
 * @param base empty for the first sync of a folder
 * @param prefer settles conflicts; `here` also puts back what programs would obey. @default none: they are told
 * @param bring paths that are brought back although programs obey them
 * @param folder the real path of the operator's folder. @default none: links with whole paths lead nowhere
 * @param led what the operator's own files lead programs to, besides links
 */
export function planSync(
  base: Base,
  here: Listing,
  there: Listing,
  {
    prefer,
    bring = [],
    folder = "",
    led = new Map(),
  }: {
    readonly prefer?: Prefer;
    readonly bring?: readonly string[];
    readonly folder?: string;
    readonly led?: Led;
  } = {},
): SyncPlan {
  const paths = [...new Set([...base.keys(), ...here.keys(), ...there.keys()])].sort();
  const repositories = findRepositories([...here.keys(), ...there.keys()]);
  // Links that the operator wants changed lead to what is obeyed all the same.
  const all = followLinks(here, (known) => protection(here.keys(), there.keys(), [], known), folder, led);
  const judge = protection(here.keys(), there.keys(), bring, all);
  const unknown = paths.filter((path) => here.get(path)?.kind === "?" || there.get(path)?.kind === "?");
  const isHidden = belowOneOf(new Set(unknown));
  const repositoryOf = repositoriesOf(repositories);
  const found: Found[] = [];
  const same: string[] = [];
  // A session that deletes a repository, or puts a link in its place, takes away what no other file can bring back.
  const lost = [...repositories].filter((unit) => isLost(unit, base, here, there));
  const protectedPaths: Told[] = lost.map((path) => ({ path, why: "the whole repository is gone there" }));
  const isStaying = belowOneOf(new Set(lost));
  for (const path of paths) {
    if (isHidden(path) || isStaying(path)) continue;
    const [left, right] = [here.get(path), there.get(path)];
    const [l, r, b] = [text(left), text(right), base.get(path)];
    if (l === r) {
      same.push(path);
      continue;
    }
    const change = l === b ? "there" : r === b ? "here" : "both";
    // The operator's own change may go to the machine, whatever it is; a session's may not come back.
    const judged = judge(path, right?.kind);
    const why = change === "here" ? undefined : judged;
    if (why !== undefined && prefer === "here") {
      found.push({ path, change: "here", decided: "here", unit: undefined });
      continue;
    }
    const decided = change === "both" ? (prefer === undefined ? "both" : prefer === "here" ? "here" : "there") : change;
    if (why !== undefined) {
      protectedPaths.push({ path, why: why.why });
      continue;
    }
    // A repository's settings and hooks are no part of its state.
    found.push({ path, change, decided, unit: judged === undefined ? unitOf(path, repositoryOf(path)) : undefined });
  }
  return settle(found, { here, there, prefer, unknown, same, protectedPaths });
}

interface Found {
  readonly path: string;
  readonly change: "here" | "there" | "both";
  readonly decided: "here" | "there" | "both";
  /** The repository that it is a part of. */
  readonly unit: string | undefined;
}

interface Known extends Pick<SyncPlan, "unknown" | "same" | "protectedPaths"> {
  readonly here: Listing;
  readonly there: Listing;
  readonly prefer: Prefer | undefined;
}

/** Makes each repository's changes one, and sorts all changes into their order. */
function settle(found: readonly Found[], { here, there, prefer, unknown, same, protectedPaths }: Known): SyncPlan {
  const conflicts: Told[] = [];
  const moves: { readonly path: string; readonly to: "here" | "there" }[] = [];
  const units = new Map<string, Found[]>();
  for (const one of found) {
    if (one.unit !== undefined) {
      const parts = units.get(one.unit);
      if (parts === undefined) units.set(one.unit, [one]);
      else parts.push(one);
    } else if (one.decided === "both") conflicts.push({ path: one.path, why: "it changed on both sides" });
    else moves.push({ path: one.path, to: one.decided === "here" ? "there" : "here" });
  }
  for (const [unit, parts] of units) {
    // git writes the index anew whenever it looks: so the index follows, and decides nothing.
    const deciding = parts.filter(({ path }) => path !== `${unit}/index`);
    const sides = new Set(deciding.map(({ change }) => change));
    const conflict = sides.has("both") || (sides.has("here") && sides.has("there"));
    const winner = conflict ? (prefer === undefined ? undefined : prefer === "here" ? "there" : "here") : undefined;
    if (conflict && winner === undefined) {
      conflicts.push({ path: unit, why: "the repository changed on both sides: only its new objects are copied" });
      continue;
    }
    const to = winner ?? (sides.has("here") ? "there" : sides.has("there") ? "here" : undefined);
    for (const { path, change } of parts) {
      if (to !== undefined) moves.push({ path, to });
      else if (change !== "both") moves.push({ path, to: change === "here" ? "there" : "here" });
    }
  }
  const order = (list: readonly string[]) => [...list].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const deepest = (list: readonly string[]) => [...list].sort((a, b) => depth(b) - depth(a) || (a < b ? -1 : 1));
  const to = (side: "here" | "there", from: Listing, gone: boolean) =>
    moves.flatMap(({ path, to }) => (to === side && from.has(path) !== gone ? [path] : []));
  return {
    send: order(to("there", here, false)),
    deleteThere: deepest(withChanged(to("there", here, true), to("there", here, false), here, there)),
    bring: order(to("here", there, false)),
    deleteHere: deepest(to("here", there, true)),
    conflicts,
    protectedPaths,
    unknown,
    same,
  };
}

/** On the machine an entry of another kind must go before the new one comes. */
function withChanged(gone: readonly string[], sent: readonly string[], here: Listing, there: Listing): string[] {
  const other = sent.filter((path) => {
    const [left, right] = [here.get(path), there.get(path)];
    return left !== undefined && right !== undefined && (left.kind === "d") !== (right.kind === "d");
  });
  return [...gone, ...other];
}

/** Objects come before the names that lead to them, and these before HEAD and the index. */
function rank(path: string): number {
  if (/(?:^|\/)objects\//.test(path)) return 0;
  return /\/(?:HEAD|index)$/.test(path) ? 2 : 1;
}

const depth = (path: string): number => path.split("/").length;

const text = (entry: Entry | undefined): string | undefined => (entry === undefined ? undefined : textOfEntry(entry));

/** Tells whether a repository that both sides had is gone on the machine, and unchanged here. */
function isLost(unit: string, base: Base, here: Listing, there: Listing): boolean {
  const head = `${unit}/HEAD`;
  return base.has(head) && here.has(head) && !there.has(head);
}

/** The repository whose state a path is a part of. Its objects are no part: each stands for itself. */
function unitOf(path: string, unit: string | undefined): string | undefined {
  if (unit === undefined) return undefined;
  return path.startsWith(`${unit}/objects/`) || path === `${unit}/objects` ? undefined : unit;
}

/** Makes the function that tells whether a path is one of these, or below one. */
function belowOneOf(paths: ReadonlySet<string>): (path: string) => boolean {
  const way = new FoldersOnTheWay<boolean>((path, _, above) => above === true || paths.has(path));
  return paths.size === 0 ? () => false : (path) => way.of(path).at(-1) === true;
}
