import { UsageError } from "../errors.ts";

/** The file of a folder that names what is never copied, one pattern a line. */
export const IGNORE_FILE = ".cloisterignore";

/** Files that both ends make for a moment, and files of git's that only say that git runs. */
const ALWAYS = [".cloister-cp-*", ".git/**.lock", ".git/gc.pid", ".git/gc.log", ".git/fsmonitor--daemon*"];

/** Reads {@link IGNORE_FILE}: empty lines and lines that begin with `#` are left out. */
export function readPatterns(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * Makes one regular expression of patterns, for paths below the folder's top. A pattern without `/` names entries at any
 * depth, one with `/` a path from the top; `*` stands for anything but `/`. All that is in a named folder is named too.
 * The machine's end uses the same text: it holds only what JavaScript and Python read alike, so no `$` and no `.`. Both take paths as latin1
 * text of their bytes.
 *
 * @throws UsageError when a pattern leads out of the folder, or names all of it
 */
export function excluding(patterns: readonly string[]): string {
  const wrong = patterns.filter(
    (pattern) => !/[^*/]/.test(pattern) || pattern.split("/").some((part) => part === ".." || part === "."),
  );
  if (wrong.length > 0) {
    const named = wrong.map((pattern) => JSON.stringify(pattern)).join(", ");
    throw new UsageError(
      `${named} excludes nothing: write a name, such as node_modules or *.log, or a path, such as build/out.`,
    );
  }
  return [...ALWAYS.map(always), ...patterns.map(one)].join("|");
}

function one(pattern: string): string {
  const path = pattern.replace(/^\/+|\/+$/g, "");
  return `${pattern.replace(/\/+$/, "").includes("/") ? "^" : "(?:^|/)"}${escaped(path)}(?![^/])`;
}

/**
 * Patterns of {@link ALWAYS} hold at any depth. `**` goes through folders: the end of a path is looked at first, then once
 * for the beginning. From each beginning to the end, a path of a thousand folders with this name would take its square.
 */
function always(pattern: string): string {
  const [begin = "", end] = pattern.split("**").map(escaped);
  if (end === undefined) return `(?:^|/)${begin}(?![\\s\\S])`;
  return `^(?=[\\s\\S]*${end}(?![\\s\\S]))(?:[\\s\\S]*/)?${begin}`;
}

const escaped = (text: string): string =>
  [...Buffer.from(text).toString("latin1")]
    .map((character) =>
      character === "*"
        ? "[^/]*"
        : /[A-Za-z0-9/]/.test(character)
          ? character
          : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    )
    .join("");
