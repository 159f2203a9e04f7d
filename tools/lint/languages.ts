/** The linters of each language, and which files they are for. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { Report } from "../../lib/store.ts";
import { documentProblems } from "./documents.ts";
import { PROJECT, projectFiles } from "./imports.ts";
import { styleProblems } from "./markdown-style.ts";
import { actionlint, goLinters, pythonLinters } from "./programs.ts";

/** Findings of one linter. */
export interface Result {
  readonly linter: string;
  /** As it printed them; empty when there are none. */
  readonly problems: string;
}

let fromPyPI: ReturnType<typeof pythonLinters> | undefined;
/** Installed once for all languages that need them. */
const packaged = (report: Report): ReturnType<typeof pythonLinters> => {
  fromPyPI ??= pythonLinters(report);
  return fromPyPI;
};

export const LANGUAGES = { typescript, shell, python, go, yaml, markdown, workflows };
export type Language = keyof typeof LANGUAGES;

async function typescript(): Promise<Result[]> {
  const biome = join(PROJECT, "node_modules/@biomejs/biome/bin/biome");
  return [await run("biome", [process.execPath, biome, "check", "--error-on-warnings", "."])];
}

async function shell(report: Report): Promise<Result[]> {
  const { shellcheck, shfmt, env } = await packaged(report);
  const files = [...projectFiles("*.sh"), ...scripts()];
  const debian = files.filter((file) => file.startsWith("images/base/debian/"));
  // Sourced files are followed from each script's own folder.
  const check = [...shellcheck, "-x", "-P", "SCRIPTDIR", "-e", NOT_FOR_SHELL.join()];
  return await Promise.all([
    run("shellcheck", [...check, ...files.filter((file) => !debian.includes(file))], { env }),
    run("shellcheck (base image)", [...check, "-s", "sh", "-e", NOT_FOR_BASE_IMAGE.join(), ...debian], { env }),
    run("shfmt", [...shfmt, "-d", "-i", "2", "-ci", ...files], { env }),
  ]);
}

const NOT_FOR_SHELL = [
  "SC1091", // Some sourced files are a machine's (/etc/os-release).
  "SC2015", // "a && b || c" is meant: c runs when either fails.
  "SC2016", // Programs that are handed on in single quotes expand their own variables.
];

/** No directives are written into these: a changed script makes the root disk of every machine anew. */
const NOT_FOR_BASE_IMAGE = [
  "SC2018", // Names of architectures are ASCII, and so are "a-z" and "A-Z" of them.
  "SC2019",
  "SC2034", // foreign.sh is sourced: it reads build.sh's variables, and sets some for it.
  "SC2154",
];

/** Shell scripts whose names do not end in .sh: a machine's commands and units are called without. */
function scripts(): string[] {
  return projectFiles("*").filter(
    (file) =>
      !/\.[a-z]+$/.test(file) && /^#!.*\b(ba|da)?sh$/m.test(readFileSync(join(PROJECT, file), "utf8").slice(0, 80)),
  );
}

async function python(report: Report): Promise<Result[]> {
  const { ruff, env } = await packaged(report);
  const files = projectFiles("*.py");
  // Programs for the machine run behind a library that is put before them (test/escape/batch.ts), whose names they know.
  const behind = files.filter((file) => /^test\/escape\/(walls|fuzz)\//.test(file));
  const library = await execa("python3", ["-c", TOP_NAMES, "test/escape/far/library.py"], { cwd: PROJECT });
  const check = [...ruff, "check", "--quiet", "--output-format", "concise", "--config", "tools/lint/ruff.toml"];
  const names = ["--config", `builtins = ${library.stdout}`];
  return await Promise.all([
    run("ruff", [...check, ...files.filter((file) => !behind.includes(file))], { env }),
    run("ruff (attacks)", [...check, ...names, ...behind], { env }),
  ]);
}

/** Prints, as a list of TOML, every name that a Python file has at its top level. */
const TOP_NAMES = `
import json, runpy, symtable, sys
table = symtable.symtable(open(sys.argv[1]).read(), sys.argv[1], "exec")
print(json.dumps(sorted(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported())))
`;

/** Modules that are compiled for hours' worth of packages, or hold no code of ours but a list: formatted, not vetted. */
const NOT_VETTED = ["toolchain/pulumi-cli", "tools/lint/staticcheck", "tools/lint/actionlint"];

async function go(report: Report): Promise<Result[]> {
  const { go, gofmt, staticcheck, env } = await goLinters(report);
  const modules = projectFiles("*go.mod")
    .map((file) => dirname(file))
    .filter((folder) => !NOT_VETTED.includes(folder));
  const format = await execa(gofmt, ["-l", ...projectFiles("*.go")], { cwd: PROJECT, reject: false });
  const unformatted = format.failed ? format.stderr : format.stdout && `run gofmt -w on:\n${format.stdout}`;
  const results: Result[] = [{ linter: "gofmt", problems: unformatted }];
  // One after the other: each uses all processors.
  for (const module of modules) {
    const cwd = join(PROJECT, module);
    results.push(await run(`vet ${module}`, [go, "vet", "./..."], { cwd, env }));
    results.push(await run(`staticcheck ${module}`, [staticcheck, "./..."], { cwd, env }));
  }
  return results;
}

async function yaml(report: Report): Promise<Result[]> {
  const { yamllint, env } = await packaged(report);
  const files = projectFiles("*.yaml", "*.yml");
  return [await run("yamllint", [...yamllint, "--strict", "-c", "tools/lint/yamllint.yaml", ...files], { env })];
}

/** GitHub's workflows: their form and expressions, and what an attacker could do with them. */
async function workflows(report: Report): Promise<Result[]> {
  const { zizmor, shellcheck, env } = await packaged(report);
  const files = projectFiles(".github/workflows/*.yaml");
  const check = [await actionlint(report), "-color=false", "-shellcheck", shellcheck[0] ?? "", "-pyflakes", ""];
  return await Promise.all([
    run("actionlint", [...check, ...files], { env }),
    // Offline: whether a pinned action is known to be unsafe is not asked for.
    run("zizmor", [...zizmor, "--offline", "--no-progress", "--color", "never", ".github"], { env }),
  ]);
}

async function markdown(): Promise<Result[]> {
  // Golden files of tests are no documents of the project.
  const documents = projectFiles("*.md").filter((file) => !file.startsWith("test/unit/"));
  return [
    { linter: "documents", problems: (await documentProblems()).join("\n") },
    { linter: "markdownlint", problems: (await styleProblems(documents)).join("\n") },
  ];
}

async function run(
  linter: string,
  [program = "", ...args]: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Result> {
  const { failed, all } = await execa(program, args, {
    cwd: PROJECT,
    ...options,
    reject: false,
    all: true,
    stdin: "ignore",
  });
  return { linter, problems: failed ? all || `${program} failed and said nothing` : "" };
}
