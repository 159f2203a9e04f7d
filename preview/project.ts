/** The project in this folder: its configurations, commits, and an engine for it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type Engine, engineOf } from "./engine.ts";
import { bothOf } from "./steady.ts";
import { isOfProgram } from "./workflow/program.mjs";

const folder = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

const gitIn = async (cwd: string, ...args: string[]) =>
  await execa("git", args, { cwd, reject: false, stripFinalNewline: false });

/** The text of a file at a commit; undefined when the file did not exist. */
async function atCommit(at: string, ref: string, file: string): Promise<string | undefined> {
  const commit = await gitIn(at, "rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  if (commit.exitCode !== 0)
    throw new Error(`--base ${ref}: there is no such commit. Fetch it, or write another: git fetch origin ${ref}`);
  const { exitCode, stdout } = await gitIn(at, "show", `${commit.stdout.trim()}:./${file}`);
  return exitCode === 0 ? stdout : undefined;
}

async function commitOf(ref: string): Promise<string> {
  const { exitCode, stdout } = await gitIn(folder, "rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  return exitCode === 0 ? stdout.trim() : "";
}

/** The texts of a stack's file. */
export interface Configs {
  /** At the base; an empty text where there was none. */
  readonly base: string;
  /** As it is now. Undefined: the file is removed. An empty one is a stack, whose keys have their defaults. */
  readonly head: string | undefined;
}

/**
 * Reads a stack's file as it is now.
 *
 * @param at the project's folder. Default: this one
 * @returns undefined when there is none
 * @throws Error when it cannot be read
 */
export async function headOf(stack: string, at = folder): Promise<string | undefined> {
  const file = `Pulumi.${stack}.yaml`;
  return await readFile(join(at, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`${file}: cannot be read: ${error.message}`);
  });
}

/**
 * Reads a stack's file at the base, and as it is now.
 *
 * @param at the project's folder. Default: this one
 * @throws Error when there is no such commit, the file is on neither side, or it cannot be read
 */
export async function configsOf(stack: string, base: string, at = folder): Promise<Configs> {
  const file = `Pulumi.${stack}.yaml`;
  const [head, before] = await bothOf(headOf(stack, at), atCommit(at, base, file));
  if (head === undefined && before === undefined)
    throw new Error(
      `${file}: there is no such file. --stack is the name in it: one of the Pulumi.<name>.yaml of this folder`,
    );
  return { base: before ?? "", head };
}

/**
 * As `configsOf`, for all that needs the stack's file as it is now.
 *
 * @throws Error as well when the file is removed
 */
export async function presentConfigsOf(
  stack: string,
  base: string,
  at = folder,
): Promise<Configs & { readonly head: string }> {
  const { head, ...more } = await configsOf(stack, base, at);
  if (head === undefined) throw new Error(`Pulumi.${stack}.yaml: is removed. ${putBack(stack, base)}`);
  return { ...more, head };
}

/** The command by which a removed file comes back. */
export const putBack = (stack: string, base: string): string =>
  `Put it back first: git checkout ${base} -- Pulumi.${stack}.yaml`;

/**
 * Tells whether the program itself differs from a commit's, also in files that git does not know yet.
 *
 * @param at the project's folder. Default: this one
 */
export async function isProgramChanged(base: string, at = folder): Promise<boolean> {
  const lists = await Promise.all([
    // Of a file that was renamed git would name the new place alone.
    gitIn(at, "diff", "--name-only", "--no-renames", "--relative", "-z", base, "--"),
    gitIn(at, "ls-files", "--others", "--exclude-standard", "-z"),
  ]);
  // What cannot be told must not pass for the same.
  if (lists.some(({ exitCode }) => exitCode !== 0)) return true;
  return lists.some(({ stdout }) => stdout.split("\0").filter(Boolean).some(isOfProgram));
}

/** Texts that identify a run. */
export async function runOf(base: string): Promise<{ commit: string; base: string; at: string }> {
  const head = commitOf("HEAD");
  const [commit, of] = await Promise.all([head, base === "HEAD" ? head : commitOf(base)]);
  return { commit, base: of, at: new Date().toISOString() };
}

/** What finds the engine. Asked for while git answers, it is loaded when it is needed. */
export const finders = async () =>
  await Promise.all([import("../toolchain/index.ts"), import("../toolchain/pulumi.ts")]);

/** The engine, found, downloaded or built, with the backend that the user has chosen. */
export async function engineFor(stack: string, report: (line: string) => void): Promise<Engine> {
  const [{ ensureToolchain }, { pulumiEnvironment }] = await finders();
  const toolchain = await ensureToolchain({ deep: false, report });
  return engineOf(toolchain.pulumi, folder, pulumiEnvironment(toolchain, { stack }));
}
