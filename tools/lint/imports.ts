/** The project's imports, read from its sources: what the layers and the picture in docs/architecture.md are checked with. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Absolute path of the project. */
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** For each source file, by its path in the project, the files of the project that it imports, types included. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** Files of the project, committed or new, that git does not ignore; by git's patterns. Paths from the project's root. */
export function projectFiles(...patterns: string[]): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ...patterns];
  const listed = execFileSync("git", args, { cwd: PROJECT, encoding: "utf8" }).split("\0");
  return [...new Set(listed)].filter((file) => file && existsSync(join(PROJECT, file))).sort();
}

/** Reads the imports of every TypeScript and JavaScript file. */
export function readImports(): Imports {
  const found = new Map<string, string[]>();
  for (const file of projectFiles("*.ts", "*.mjs", "*.cjs")) {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(PROJECT, file), "utf8"), true, true);
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith("."));
    found.set(file, [...new Set(own.map((name) => normalize(join(dirname(file), name))))].sort());
  }
  return found;
}

/** The top-level folder of a path; undefined for a file at the project's root. */
export function folderOf(path: string): string | undefined {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined;
}

/** Arrows between top-level folders, each with the imports that it is made of, as `FILE -> FILE`. */
export function arrows(imports: Imports): Map<string, Map<string, string[]>> {
  const found = new Map<string, Map<string, string[]>>();
  for (const [file, imported] of imports) {
    for (const other of imported) {
      const [from, to] = [folderOf(file), folderOf(other)];
      if (from === undefined || to === undefined || from === to) continue;
      const targets = found.get(from) ?? new Map<string, string[]>();
      found.set(from, targets.set(to, [...(targets.get(to) ?? []), `${file} -> ${other}`]));
    }
  }
  return found;
}

/** The first circle of files that import each other, in order, its first file again at the end; undefined if there is none. */
export function circle(imports: Imports): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const other of imports.get(file) ?? []) {
      const found = walk(other);
      if (found) return found;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const found = walk(file);
    if (found) return found;
  }
  return undefined;
}

/** The picture of the arrows as a mermaid diagram: the lowest layer at the bottom, arrows that follow from others left out. */
export function picture(imports: Imports, layers: Readonly<Record<string, readonly string[]>>): string {
  const found = arrows(imports);
  const below = (from: string): string[] => (layers[from] ?? []).filter((to) => found.get(from)?.has(to));
  const reaches = (from: string, to: string): boolean => below(from).some((next) => next === to || reaches(next, to));
  // Tests and tools import everything; their arrows would say nothing.
  const shown = Object.keys(layers).filter((folder) => !["test", "tools", "examples"].includes(folder));
  const lines = shown.reverse().flatMap((from) =>
    below(from)
      .filter((to) => !below(from).some((next) => next !== to && reaches(next, to)))
      .map((to) => `  ${from} --> ${to}`),
  );
  return ["flowchart TD", ...lines].join("\n");
}
