/**
 * Holds what documents name against what there is: links, headings, paths, npm scripts, subcommands of `cloister` and keys
 * of a stack's configuration. Scripts are looked for in sources too, whose messages name them.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { execa } from "execa";
import GithubSlugger from "github-slugger";
import type { Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import { split } from "shlex";
import { visit } from "unist-util-visit";
import { settingsSchema } from "../../infra/settings/schema.ts";
import { PROJECT, projectFiles } from "./imports.ts";

/** Names that documents may use. */
export interface Known {
  /** Scripts of package.json. */
  readonly scripts: ReadonlySet<string>;
  /** Keys of a stack's configuration, without `cloister:`; and tags of resources on AWS. */
  readonly keys: ReadonlySet<string>;
  /** Subcommands of the operator's command and of a machine's. */
  readonly commands: ReadonlySet<string>;
  /** Options of both that are followed by a value. */
  readonly valued: ReadonlySet<string>;
  /** Text of a file of the project, by its path; a folder is an empty text, undefined is nothing. */
  readonly read: (path: string) => string | undefined;
  /** Top-level folders: a path in code that begins with one must exist. */
  readonly folders: ReadonlySet<string>;
}

/** Tags that the program puts on resources: written as keys are, and no keys. */
const TAGS = ["stack", "machine", "pool"];

/** All problems of all documents and of the messages in sources, as `FILE:LINE: problem`. */
export async function documentProblems(): Promise<string[]> {
  const known = await whatThereIs();
  // Golden files of tests are no documents of the project.
  const documents = projectFiles("*.md").filter((file) => !file.startsWith("test/unit/"));
  const others = projectFiles("*.ts", "*.mjs", "*.cjs", "*.py", "*.sh", "*.go", "*.yaml", "*.yml", ".ci/*");
  return [
    ...documents.flatMap((file) => problemsOf(file, readFileSync(join(PROJECT, file), "utf8"), known)),
    ...others
      .filter((file) => !file.startsWith("test/unit/tools/lint/"))
      .flatMap((file) => scriptProblems(file, readFileSync(join(PROJECT, file), "utf8"), known)),
  ];
}

/** The project as it is. */
export async function whatThereIs(): Promise<Known> {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const helps = await Promise.all(
    [["cli/bin.mjs"], ["--import", "tsx", "guest/cli/main.ts"], ["--import", "tsx", "guest/container/main.ts"]].map(
      async (args) => (await execa(process.execPath, [...args, "--help"], { cwd: PROJECT })).stdout,
    ),
  );
  const commands = helps.flatMap((help) => [...(help.split("\nCommands:")[1] ?? "").matchAll(/^ {2}([a-z][\w-]*)/gm)]);
  const valued = helps.flatMap((help) => [...help.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+) </gm)]);
  return {
    scripts: new Set(Object.keys(scripts)),
    keys: new Set([...Object.keys(settingsSchema.shape), ...TAGS]),
    commands: new Set(commands.map(([, name = ""]) => name)),
    valued: new Set(valued.flatMap(([, short, long]) => [short, long].filter((name) => name !== undefined))),
    read: (path) => {
      if (!existsSync(join(PROJECT, path))) return undefined;
      return path.endsWith(".md") ? readFileSync(join(PROJECT, path), "utf8") : "";
    },
    folders: new Set(projectFiles("*/*").map((file) => file.split("/")[0] ?? "")),
  };
}

/** The problems of one document. */
export function problemsOf(file: string, text: string, known: Known): string[] {
  const problems: string[] = [];
  const say = (node: Nodes, problem: string): void => {
    problems.push(`${file}:${node.position?.start.line ?? 0}: ${problem}`);
  };
  visit(parse(text), (node) => {
    if (node.type === "link" || node.type === "image" || node.type === "definition") {
      const problem = linkProblem(file, text, node.url, known);
      if (problem) say(node, problem);
    }
    if (node.type !== "inlineCode" && node.type !== "code") return;
    for (const line of node.value.split("\n")) {
      const command = commandOf(line, known);
      if (command !== undefined && !known.commands.has(command)) say(node, `there is no command "cloister ${command}"`);
    }
    if (node.type === "inlineCode" && isPath(node.value, known.folders) && known.read(node.value) === undefined)
      say(node, `there is no ${node.value}`);
  });
  for (const [index, line] of text.split("\n").entries()) {
    // localhost/cloister:latest is an image.
    for (const [, key = ""] of line.matchAll(/(?<!\/)\bcloister:([A-Za-z]\w*)(?![\w:])/g))
      if (!known.keys.has(key)) problems.push(`${file}:${index + 1}: there is no key cloister:${key}`);
  }
  return [...problems, ...scriptProblems(file, text, known)];
}

/** Every `npm run X` that is no script. */
export function scriptProblems(file: string, text: string, known: Pick<Known, "scripts">): string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*\w)/g)]
        .filter(([, script = ""]) => !known.scripts.has(script))
        .map(([, script]) => `${file}:${index + 1}: there is no script "npm run ${script}"`),
    );
}

function linkProblem(file: string, text: string, url: string, known: Known): string | undefined {
  if (/^[a-z]+:/.test(url)) return undefined;
  const [path = "", heading] = decodeURI(url).split("#");
  const target = path === "" ? file : normalize(join(dirname(file), path));
  const there = path === "" ? text : known.read(target);
  if (there === undefined) return `the link to ${url} leads nowhere`;
  if (heading && target.endsWith(".md") && !headings(there).has(heading)) return `${target} has no heading #${heading}`;
  return undefined;
}

/** The names by which a document's headings can be linked to, as GitHub makes them. */
function headings(text: string): Set<string> {
  const slugger = new GithubSlugger();
  const found = new Set<string>();
  visit(parse(text), "heading", (node) => {
    let words = "";
    visit(node, (part) => {
      if (part.type === "text" || part.type === "inlineCode") words += part.value;
    });
    found.add(slugger.slug(words));
  });
  return found;
}

function parse(text: string): Root {
  return fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
}

/** The subcommand in a line of code that calls `cloister`; undefined where it calls none, or names it by a placeholder. */
function commandOf(line: string, known: Known): string | undefined {
  const call = /(?:^|\s|["'(])cloister\s+(.*)$/.exec(line)?.[1];
  if (call === undefined) return undefined;
  const words = wordsOf(call);
  let next = 0;
  while (words[next]?.startsWith("-")) next += known.valued.has(words[next] ?? "") ? 2 : 1;
  const word = words[next]?.replace(/\W+$/, "");
  return word !== undefined && /^[a-z][\w-]*$/.test(word) ? word : undefined;
}

/** Words as a shell would see them, where the line is whole. */
function wordsOf(line: string): string[] {
  try {
    return split(line);
  } catch {
    return line.split(/\s+/);
  }
}

function isPath(code: string, folders: ReadonlySet<string>): boolean {
  return /^[\w.-]+\/[\w./@-]*$/.test(code) && folders.has(code.split("/")[0] ?? "");
}
