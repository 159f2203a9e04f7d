import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { isAbsolute, posix } from "node:path";
import { promisify } from "node:util";
import { OperatorError } from "../errors.ts";
import { type Led, ledPath } from "./led.ts";
import type { Listing } from "./listing.ts";

const run = promisify(execFile);

/** Repositories that are asked for their settings at once: each takes two programs. */
const AT_ONCE = 20;

/** Variables that lead git to another repository, or give it other settings: `git rev-parse --local-env-vars`. */
const LEADING =
  /^GIT_(?:ALTERNATE_OBJECT_DIRECTORIES|CONFIG(?:_PARAMETERS|_COUNT)?|OBJECT_DIRECTORY|DIR|WORK_TREE|IMPLICIT_WORK_TREE|GRAFT_FILE|INDEX_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|PREFIX|SHALLOW_FILE|COMMON_DIR|INTERNAL_SUPER_PREFIX)$/;

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
 * @throws when git cannot tell its settings: changes could then get where they lead
 */
export async function ledByGit(folder: string, here: Listing): Promise<Led> {
  const nested = [...here.keys()].filter((path) => path.endsWith("/.git"));
  const places = [folder, ...nested.map((path) => `${folder}/${posix.dirname(textOf(path))}`)];
  const found: [string, string][] = [];
  for (let start = 0; start < places.length; start += AT_ONCE) {
    const some = places.slice(start, start + AT_ONCE);
    found.push(...(await Promise.all(some.map(async (place) => await ledFrom(place, folder, here)))).flat());
  }
  return new Map(found);
}

async function ledFrom(place: string, folder: string, here: Listing): Promise<[string, string][]> {
  const repository = await git(place, ["rev-parse", "--show-toplevel", "--absolute-git-dir"]).catch(noRepository);
  const [top, gitDir] = repository.split("\n");
  if (top === undefined || gitDir === undefined) return [];
  const settings = (await git(place, ["config", "--list", "-z"]).catch(refuse)).split("\0").filter(Boolean);
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

/** Nothing where there is no git, or where git says of a folder that it works with no repository there. */
function noRepository(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === "ENOENT" || typeof code === "number") return "";
  throw failure(error);
}

function refuse(error: unknown): never {
  throw failure(error);
}

const failure = (error: unknown): OperatorError =>
  error instanceof OperatorError
    ? error
    : new OperatorError(`git cannot tell its settings: ${(error as Error).message}`);

/** What git prints. */
async function git(place: string, words: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !LEADING.test(name)));
  const options = { maxBuffer: 2 ** 24, env: { ...env, GIT_OPTIONAL_LOCKS: "0" } };
  return (await run("git", ["-C", place, ...words], options)).stdout;
}
