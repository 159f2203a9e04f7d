/**
 * Which files of the operator's folder are obeyed although their names do not say so: the operator's own files lead
 * programs to them. A session that changes such a file is as good as one that changes what leads to it.
 */

import { posix } from "node:path";
import type { Listing } from "./listing.ts";
import { type Judge, plain } from "./protect.ts";

/** Paths that are led to, as {@link plain} spells their names, each with the words for why. */
export type Led = ReadonlyMap<string, string>;

/** Spells a path as a {@link Led} has it. */
export const ledPath = (path: string): string => path.split("/").map(plain).join("/");

const LINKED = "a link of yours leads there from what programs obey";

/** A path on the way to which there are more links is no path. */
const MOST_LINKS = 40;

/**
 * Follows the operator's own links from what is protected to where they lead.
 *
 * @param judge the judge by name, and by what is led to already
 * @param folder the real path of the folder, for links that begin with it
 * @param already what is led to in other ways
 */
export function followLinks(here: Listing, judge: (led: Led) => Judge, folder: string, already: Led = new Map()): Led {
  const led = new Map(already);
  const links = [...here].flatMap(([path, entry]) => (entry.kind === "l" ? [[path, entry.target] as const] : []));
  // What a link leads to may be a folder with links in it.
  for (let before = -1; before < led.size; ) {
    before = led.size;
    const protects = judge(led);
    for (const [path, target] of links) {
      if (protects(path, "l") === undefined) continue;
      const place = resolve(here, posix.dirname(path), target, folder);
      if (place !== undefined && place !== "" && !led.has(ledPath(place))) led.set(ledPath(place), LINKED);
    }
  }
  return led;
}

/**
 * Finds where a link leads in the folder; undefined when it leads out. Paths and targets are latin1 text of their bytes.
 */
function resolve(here: Listing, from: string, target: string, folder: string): string | undefined {
  const root = Buffer.from(folder).toString("latin1");
  let at: string[] = [];
  let links = 0;
  const left = [...(target.startsWith("/") ? [] : from.split("/")), ...beneath(target, root)];
  if (target.startsWith("/") && !`${target}/`.startsWith(`${root}/`)) return undefined;
  while (left.length > 0) {
    const name = left.shift();
    if (name === undefined || name === "" || name === ".") continue;
    if (name === "..") {
      if (at.length === 0) return undefined;
      at = at.slice(0, -1);
      continue;
    }
    const entry = here.get([...at, name].join("/"));
    if (entry?.kind !== "l") at = [...at, name];
    else if (++links > MOST_LINKS) return undefined;
    else if (entry.target.startsWith("/")) {
      if (!`${entry.target}/`.startsWith(`${root}/`)) return undefined;
      at = [];
      left.unshift(...beneath(entry.target, root));
    } else left.unshift(...entry.target.split("/"));
  }
  return at.join("/");
}

const beneath = (target: string, root: string): string[] =>
  (target.startsWith("/") ? target.slice(root.length) : target).split("/");
