import { lstatSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { devNull, tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { execa } from "execa";
import { readPolicy } from "../../../guest/policy/read.ts";
import { real } from "./paths.ts";
import type { Side } from "./policy-sides.ts";

/** The most that an object may hold, in bytes. */
const LARGEST = 16 * 1024 * 1024;

/**
 * Reads the policy file of a commit that the checkout has, at the place where {@link headSide} reads it: a checkout may be a folder of a
 * repository. Nothing is fetched: an earlier session of the job may have
 * written the checkout's settings, which can name programs, and its objects. So the objects are read by a repository
 * that is made for it, and each of them is held against its name.
 *
 * @param repository folder of the repository. Default: the outermost one that is the checkout or has it as a folder
 * @throws when the commit is not there, or an object is not what its name says
 */
export async function baseSide(folder: string, policy: string, commit: string, repository?: string): Promise<Side> {
  const own = await mkdtemp(join(tmpdir(), "cloister-base-"));
  try {
    return await readSide(real(folder), policy, commit, { own, repository });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function readSide(
  folder: string,
  policy: string,
  commit: string,
  { own, repository }: { readonly own: string; readonly repository: string | undefined },
): Promise<Side> {
  await git(own, ["init", "--quiet", "--bare", `--object-format=${commit.length === 64 ? "sha256" : "sha1"}`]);
  const root = repository === undefined ? outermost(folder) : real(repository);
  const { take, text } = await findCommit(root, commit, own);
  let [, tree = ""] = /^tree ([0-9a-f]+)\n/.exec(text.toString()) ?? [];
  const parts = [...relative(root ?? folder, folder).split(sep), ...policy.split("/")].filter(Boolean);
  for (const [i, part] of parts.entries()) {
    await take("tree", tree);
    const [mode, type, id] = (await git(own, ["ls-tree", "-z", tree, "--", part])).toString().split(/[ \t]/);
    if (type === undefined || id === undefined) return { there: false };
    const last = i === parts.length - 1;
    if (!last && type !== "tree") return { there: false };
    if (last && (type !== "blob" || mode === "120000")) break;
    if (last) {
      const file = (await take("blob", id)).toString();
      return { there: true, text: file, read: readPolicy(file, { folder: dirname(join(folder, policy)) }) };
    }
    tree = id;
  }
  return { there: true, text: "", read: { problems: [{ line: 1, column: 1, path: "", message: "not a file" }] } };
}

/** Reads an object of the checkout's. It is part of our own repository then. */
type Take = (type: "commit" | "tree" | "blob", id: string) => Promise<Buffer>;

/**
 * Reads the commit of that repository, and of no other. A session may take the commit away from it and put a copy of the repository
 * into one of its folders, in which the policy would be another folder's.
 */
async function findCommit(
  root: string | undefined,
  commit: string,
  own: string,
): Promise<{ take: Take; text: Buffer }> {
  let why = "there is no repository";
  try {
    if (root !== undefined) {
      const take = taker(own, await objectsOf(root));
      return { take, text: await take("commit", commit) };
    }
  } catch (error) {
    why = `${root}: ${(error as Error).message}`;
  }
  throw new Error(
    `the base of this pull request (${commit}) cannot be read from the checkout, so its policy is not known: ` +
      `give actions/checkout "fetch-depth: 0", or a job of GitLab's the variable GIT_DEPTH: 0; ` +
      `where the repository is a folder of the workspace, name it (repository-folder, CLOISTER_CI_REPOSITORY_FOLDER) (${why})`,
  );
}

/**
 * The outermost repository around a folder: a session, which sees the checkout alone, could make the checkout a repository of its own.
 * One of another user, as in /tmp, is none of the checkout's.
 */
function outermost(folder: string): string | undefined {
  const users = [statSync(folder).uid, process.getuid?.()];
  let found: string | undefined;
  for (let at = folder; ; at = dirname(at)) {
    const owner = lstatSync(join(at, ".git"), { throwIfNoEntry: false })?.uid;
    if (owner !== undefined && users.includes(owner)) found = at;
    if (dirname(at) === at) return found;
  }
}

function taker(own: string, objects: string): Take {
  return async (type, id) => {
    const found = await git(own, ["cat-file", type, id], { env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: objects } });
    const kept = await git(own, ["hash-object", "-t", type, "-w", "--literally", "--stdin"], { input: found });
    if (kept.toString().trim() !== id) throw new Error(`the checkout's object ${id} is not what its name says`);
    return found;
  };
}

/** The checkout's folder of objects, as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it. git reads settings for it, and no object. */
async function objectsOf(folder: string): Promise<string> {
  // Else git would go on to a repository around it where this one is broken.
  const found = await git(folder, ["--git-dir", join(folder, ".git"), "rev-parse", "--git-path", "objects"]);
  // In quotes, a colon does not end it.
  return JSON.stringify(resolve(folder, found.toString().replace(/\n$/, "")));
}

/**
 * Runs git with nothing of this process's environment, which has the model's key, and without the user's settings.
 * No object is fetched, whatever a repository's settings say.
 */
async function git(
  folder: string,
  words: readonly string[],
  { input, env }: { readonly input?: Buffer; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Buffer> {
  const ran = await execa("git", ["-C", folder, ...words], {
    reject: false,
    encoding: "buffer",
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: "ignore" } : { input }),
    timeout: 60_000,
    maxBuffer: LARGEST,
    extendEnv: false,
    env: {
      ...(process.env["PATH"] === undefined ? {} : { PATH: process.env["PATH"] }),
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: devNull,
      GIT_ALLOW_PROTOCOL: "none",
      GIT_NO_LAZY_FETCH: "1",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_TERMINAL_PROMPT: "0",
      ...env,
    },
  });
  if (!ran.failed) return Buffer.from(ran.stdout);
  const said = Buffer.from(ran.stderr ?? []).toString();
  throw new Error(said.trim().split("\n").at(-1) || ran.shortMessage);
}
