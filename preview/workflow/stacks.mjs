/**
 * `node preview/workflow/stacks.mjs --base REF`: the stacks on AWS that a change since a commit may concern, as a JSON list for a
 * workflow's matrix; `--all`: all of them. Plain JavaScript without packages: it runs before anything is installed.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isOfProgram, STACK_FILE } from "./program.mjs";

const project = fileURLToPath(new URL("../../", import.meta.url));

/**
 * @param {readonly string[]} changed paths of files, from the project's folder
 * @param {Readonly<Record<string, string>>} files texts of the stacks' files, by the stack's name
 * @returns {string[]} stacks on AWS: those whose own file changed, or all when something changed that all are made of
 */
export function stacksOf(changed, files) {
  const onAws = Object.keys(files).filter((stack) =>
    /^ {2}cloister:target: *["']?aws["']? *$/m.test(files[stack] ?? ""),
  );
  const own = changed.flatMap((file) => STACK_FILE.exec(file)?.[1] ?? []);
  const isShared = changed.some(isOfProgram);
  return onAws.filter((stack) => isShared || own.includes(stack)).sort();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = process.argv.indexOf("--base");
  const base = at < 0 ? "" : (process.argv[at + 1] ?? "");
  const isAll = process.argv.includes("--all");
  if (!isAll && !/^[A-Za-z0-9][A-Za-z0-9_./-]*$/.test(base)) {
    console.error("usage: node preview/workflow/stacks.mjs --base REF | --all");
    process.exit(2);
  }
  const changed = isAll
    ? ""
    : // Of a file that was renamed git would name the new place alone.
      execFileSync("git", ["diff", "--name-only", "--no-renames", "--relative", "-z", `${base}...HEAD`], {
        cwd: project,
        encoding: "utf8",
      });
  const list = isAll ? [] : changed.split("\0").filter(Boolean);
  const names = readdirSync(project).flatMap((file) => STACK_FILE.exec(file)?.[1] ?? []);
  const files = Object.fromEntries(
    names.map((stack) => [stack, readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")]),
  );
  // A file that goes does not end its stack: somebody has to be told.
  for (const file of list) {
    const stack = STACK_FILE.exec(file)?.[1];
    if (stack === undefined || Object.hasOwn(files, stack)) continue;
    const from = execFileSync("git", ["merge-base", base, "HEAD"], { cwd: project, encoding: "utf8" }).trim();
    files[stack] = execFileSync("git", ["show", `${from}:./${file}`], { cwd: project, encoding: "utf8" });
  }
  console.log(JSON.stringify(stacksOf(isAll ? ["everything"] : list, files)));
}
