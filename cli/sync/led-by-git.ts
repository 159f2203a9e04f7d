import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { isAbsolute, posix } from "node:path";
import { promisify } from "node:util";
import { type Led, ledPath } from "./led.ts";
import type { Listing } from "./listing.ts";

const run = promisify(execFile);

/** Repositories of one folder that are asked for their settings: each takes two programs. */
const MOST_REPOSITORIES = 50;

/** The last words of settings whose values are programs with arguments. */
const COMMANDS =
  /^alias\.|^pager\.|\.(?:fsmonitor|sshcommand|gitproxy|editor|pager|askpass|external|command|cmd|textconv|driver|clean|smudge|process|helper|program|difffilter|defaultkeycommand|alternaterefscommand|packobjectshook)$/;
/** Settings whose value is a file that git reads its orders from. */
const FILES = /^include(?:if\..*)?\.path$|^core\.attributesfile$/s;
const HOOKS = "core.hookspath";

/**
 * Finds the files of a folder that the settings of git name: hooks, filters, drivers, settings that are included. The
 * settings are the operator's: changes of a session's do not get there.
 *
 * @param folder its real path
 * @returns nothing where there is no git, or no repository
 */
export async function ledByGit(folder: string, here: Listing): Promise<Led> {
  const nested = [...here.keys()].filter((path) => path.endsWith("/.git")).slice(0, MOST_REPOSITORIES);
  const places = [folder, ...nested.map((path) => `${folder}/${posix.dirname(textOf(path))}`)];
  const found = await Promise.all(places.map(async (place) => await ledFrom(place, folder, here)));
  return new Map(found.flat());
}

async function ledFrom(place: string, folder: string, here: Listing): Promise<[string, string][]> {
  const [top, gitDir] = (await git(place, ["rev-parse", "--show-toplevel", "--absolute-git-dir"])).split("\n");
  if (top === undefined || gitDir === undefined) return [];
  const settings = (await git(place, ["config", "--list", "-z"])).split("\0").filter(Boolean);
  return settings.flatMap((text) => {
    const end = text.indexOf("\n");
    const [key, value] = end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
    return wordsOf(key.toLowerCase(), value).flatMap((word) => {
      const bases = FILES.test(key.toLowerCase()) ? [gitDir, top] : [top];
      return bases.flatMap((base): [string, string][] => {
        const path = beneath(folder, absolute(word, base));
        if (path === undefined) return [];
        const kind = here.get(path)?.kind;
        if (key.toLowerCase() !== HOOKS && (kind === undefined || kind === "d")) return [];
        return [[ledPath(path), `your setting ${key} of git names it`]];
      });
    });
  });
}

/** The words of a setting that may be paths. The first word of a command is one only where it has a slash. */
function wordsOf(key: string, value: string): string[] {
  if (key === HOOKS || FILES.test(key)) return [value];
  if (!COMMANDS.test(key)) return [];
  const words = value.replace(/^!/, "").split(/[\s"'`;|&()<>=$]+/);
  return words.filter((word, index) => word !== "" && (index > 0 || word.includes("/")));
}

const absolute = (word: string, base: string): string => {
  const whole = word.replace(/^~(?=\/)/, homedir());
  return isAbsolute(whole) ? posix.normalize(whole) : posix.join(base, whole);
};

function beneath(folder: string, path: string): string | undefined {
  const relative = posix.relative(folder, path);
  if (relative === "" || relative === ".." || relative.startsWith("../")) return undefined;
  return Buffer.from(relative).toString("latin1");
}

const textOf = (path: string): string => Buffer.from(path, "latin1").toString("utf8");

/** What git prints; nothing when it fails. */
async function git(place: string, words: readonly string[]): Promise<string> {
  const options = { maxBuffer: 2 ** 24, env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" } };
  return await run("git", ["-C", place, ...words], options).then(
    ({ stdout }) => stdout,
    () => "",
  );
}
