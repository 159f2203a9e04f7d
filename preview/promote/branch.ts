import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { shellQuoted } from "../../infra/local/ssh.ts";

/** A branch that has one change. */
export interface Branched {
  readonly branch: string;
  /** The commit from which it goes. */
  readonly base: string;
  /** The branch from which it goes; empty when it goes from no branch. */
  readonly from: string;
  /** The command that makes a pull or merge request of it. */
  readonly next: string;
}

type Git = (...args: string[]) => Promise<string>;

const gitIn =
  (folder: string): Git =>
  async (...args) => {
    const { exitCode, stdout, stderr } = await execa("git", args, { cwd: folder, reject: false });
    if (exitCode !== 0) throw new Error(`git ${args[0]}: ${(stderr || stdout).trim()}`);
    return stdout.trim();
  };

/**
 * Holds everything that would be in the way of a branch, before anything is changed.
 *
 * @throws Error with all of it
 */
export async function refuseUnready(folder: string, branch: string, files: readonly string[]): Promise<void> {
  const git = gitIn(folder);
  const problems: string[] = [];
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  if (changed !== "")
    problems.push(
      `there are changes that are not committed. Commit or stash them:\n    ${changed.split("\n").join("\n    ")}`,
    );
  for (const file of files)
    await git("ls-files", "--error-unmatch", file).catch(() => problems.push(`${file} is not in git: add it first`));
  const isName = await git("check-ref-format", "--branch", branch).then(
    () => true,
    () => false,
  );
  if (!isName) problems.push(`--branch ${JSON.stringify(branch)}: is no name of a branch`);
  const isThere = await git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`).then(
    () => true,
    () => false,
  );
  if (isName && isThere)
    problems.push(`the branch ${branch} is there already. Remove it, or write another: --branch NAME`);
  if (problems.length > 0) throw new Error(`Nothing was changed:\n  ${problems.join("\n  ")}`);
}

/** Makes a branch with one commit, which changes one file. When that fails, the folder is as it was before. */
export async function branchWith(
  folder: string,
  { branch, file, text, message }: { branch: string; file: string; text: string; message: string },
): Promise<Branched> {
  const git = gitIn(folder);
  const base = await git("rev-parse", "HEAD");
  const from = await git("symbolic-ref", "--short", "--quiet", "HEAD").catch(() => "");
  const path = join(folder, file);
  const before = await readFile(path, "utf8");
  await git("switch", "--quiet", "--create", branch);
  try {
    await writeFile(path, text);
    await git("commit", "--quiet", "--message", message, "--", file);
  } catch (error) {
    await writeFile(path, before);
    await git("reset", "--quiet", "--", file);
    await git("switch", "--quiet", ...(from ? [from] : ["--detach", base]));
    await git("branch", "--quiet", "-D", branch);
    throw error;
  }
  return { branch, base, from, next: await requestCommand(git, branch, from) };
}

/** The command to copy. Git takes names such as `x;id`, which a shell would run. */
async function requestCommand(git: Git, name: string, from: string): Promise<string> {
  const branch = shellQuoted(name);
  const first = (await git("remote").catch(() => "")).split("\n")[0] ?? "";
  if (first === "") return `git push --set-upstream REMOTE ${branch}`;
  const url = await git("remote", "get-url", first).catch(() => "");
  const remote = shellQuoted(first);
  const target = shellQuoted(from || "main");
  if (/gitlab/i.test(url))
    return `git push --push-option merge_request.create --push-option merge_request.target=${target} --set-upstream ${remote} ${branch}`;
  return `git push --set-upstream ${remote} ${branch} && gh pr create --fill --base ${target} --head ${branch}`;
}
