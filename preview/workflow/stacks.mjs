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

/** Escapes, other encodings and line breaks that only some readers know: they may hide a key. */
const ODD = /[\\\0\ufffd\u0085\u2028\u2029]/;
const ELSEWHERE = /^ {2}cloister:target: *(?:local|container) *(?: #.*)?$/;

/**
 * Tells whether a stack's file names no target, or one that is not AWS, in the plainest spelling. It reads no YAML: what it does
 * not understand is not plain, and is previewed.
 *
 * @param {string} text
 */
function isPlainlyElsewhere(text) {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => !/^[ \t]*#/.test(line));
  const mentions = lines.filter((line) => /target/i.test(line));
  return (
    !ODD.test(text) &&
    !lines.some((line) => /environment/i.test(line)) &&
    mentions.every((line) => ELSEWHERE.test(line))
  );
}

/**
 * @param {readonly string[]} changed paths of files, from the project's folder
 * @param {Readonly<Record<string, string | readonly string[]>>} files texts of the stacks' files, by the stack's name: now, and at
 *   the base
 * @returns {string[]} stacks that may be on AWS: those whose own file changed, or all when something changed that all are made of
 */
export function stacksOf(changed, files) {
  const onAws = Object.keys(files).filter((stack) => ![files[stack] ?? ""].flat().every(isPlainlyElsewhere));
  const own = changed.flatMap((file) => STACK_FILE.exec(file)?.[1] ?? []);
  const isShared = changed.some(isOfProgram);
  return onAws.filter((stack) => isShared || own.includes(stack)).sort();
}

/** @param {...string} args */
const git = (...args) => execFileSync("git", args, { cwd: project, encoding: "utf8" });

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = process.argv.indexOf("--base");
  const base = at < 0 ? "" : (process.argv[at + 1] ?? "");
  const isAll = process.argv.includes("--all");
  if (!isAll && !/^[A-Za-z0-9][A-Za-z0-9_./-]*$/.test(base)) {
    console.error("usage: node preview/workflow/stacks.mjs --base REF | --all");
    process.exit(2);
  }
  const names = readdirSync(project).flatMap((file) => STACK_FILE.exec(file)?.[1] ?? []);
  const files = Object.fromEntries(
    names.map((stack) => [stack, [readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")]]),
  );
  if (isAll) console.log(JSON.stringify(stacksOf(["everything"], files)));
  else {
    // Of a file that was renamed git would name the new place alone.
    const changed = git("diff", "--name-only", "--no-renames", "--relative", "-z", `${base}...HEAD`);
    const list = changed.split("\0").filter(Boolean);
    // A file that goes does not end its stack, nor one that hides it now: somebody has to be told.
    const from = git("merge-base", base, "HEAD").trim();
    const had = new Set(git("ls-tree", "--name-only", "-z", from).split("\0"));
    for (const file of list) {
      const stack = STACK_FILE.exec(file)?.[1];
      if (stack === undefined || !had.has(file)) continue;
      const now = Object.hasOwn(files, stack) ? (files[stack] ?? []) : [];
      files[stack] = [...now, git("show", `${from}:./${file}`)];
    }
    console.log(JSON.stringify(stacksOf(list, files)));
  }
}
