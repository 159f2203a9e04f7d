/** The project in this folder: its configurations, commits, and an engine for it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type Engine, engineOf } from "./engine.ts";
import { readConfig } from "./parts/config.ts";
import { bothOf } from "./steady.ts";
import { isOfProgram } from "./workflow/program.mjs";

const folder = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

const git = async (...args: string[]) =>
  await execa("git", args, { cwd: folder, reject: false, stripFinalNewline: false });

/** The text of a file at a commit; empty when the file did not exist. */
async function atCommit(ref: string, file: string): Promise<string> {
  const commit = await git("rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  if (commit.exitCode !== 0)
    throw new Error(`--base ${ref}: there is no such commit. Fetch it, or write another: git fetch origin ${ref}`);
  const { exitCode, stdout } = await git("show", `${commit.stdout.trim()}:./${file}`);
  return exitCode === 0 ? stdout : "";
}

async function commitOf(ref: string): Promise<string> {
  const { exitCode, stdout } = await git("rev-parse", "--verify", "--quiet", ref);
  return exitCode === 0 ? stdout.trim() : "";
}

/**
 * The texts of a stack's file at the base, and as it is now; an empty text for none.
 *
 * @throws Error when there is no such commit, or the file is on neither side
 */
export async function configsOf(
  stack: string,
  base: string,
): Promise<{ readonly base: string; readonly head: string }> {
  const file = `Pulumi.${stack}.yaml`;
  const reading = readFile(join(folder, file), "utf8").catch(() => "");
  const [head, before] = await bothOf(reading, atCommit(base, file));
  if (head === "" && before === "")
    throw new Error(
      `${file}: there is no such file. --stack is the name in it: one of the Pulumi.<name>.yaml of this folder`,
    );
  return { base: before, head };
}

/** Tells whether the program itself differs from a commit's, also in files that git does not know yet. */
export async function isProgramChanged(base: string): Promise<boolean> {
  const lists = await Promise.all([
    git("diff", "--name-only", "--relative", "-z", base, "--"),
    git("ls-files", "--others", "--exclude-standard", "-z"),
  ]);
  // What cannot be told must not pass for the same.
  if (lists.some(({ exitCode }) => exitCode !== 0)) return true;
  return lists.some(({ stdout }) => stdout.split("\0").filter(Boolean).some(isOfProgram));
}

/** Texts that identify a run. */
export async function runOf(base: string): Promise<{ commit: string; base: string; at: string }> {
  const [commit, of] = await Promise.all([commitOf("HEAD"), commitOf(base)]);
  return { commit, base: of, at: new Date().toISOString() };
}

/** Tells whether a stack is one of those that the policy pack is about. */
export const isOnAws = (config: string): boolean => readConfig(config).settings?.target === "aws";

/** The engine, found, downloaded or built, with the backend that the user has chosen. */
export async function engineFor(stack: string, report: (line: string) => void): Promise<Engine> {
  const { ensureToolchain } = await import("../toolchain/index.ts");
  const { pulumiEnvironment } = await import("../toolchain/pulumi.ts");
  const toolchain = await ensureToolchain({ deep: false, report });
  return engineOf(toolchain.pulumi, folder, pulumiEnvironment(toolchain, { stack }));
}
