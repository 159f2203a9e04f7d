/**
 * Writes what is derived from the layers and the imports: Biome's rules (`tools/lint/layers.json`) and the picture in
 * `docs/architecture.md`. `--check` only tells whether they are up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT, picture, readImports } from "../lint/imports.ts";
import { LAYERS, layerOverrides } from "../lint/layers.ts";

const START = "<!-- imports: written by npm run docs -->";
const END = "<!-- end of imports -->";

/** Each generated file as it should be, by its path in the project. */
export function generated(): Map<string, string> {
  return new Map([
    ["tools/lint/layers.json", `${JSON.stringify(layerOverrides(), undefined, 2)}\n`],
    ["docs/architecture.md", withPicture(read("docs/architecture.md"))],
  ]);
}

function withPicture(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/architecture.md lacks the lines "${START}" and "${END}"`);
  const drawn = `\n\n\`\`\`mermaid\n${picture(readImports(), LAYERS)}\n\`\`\`\n\n`;
  return page.slice(0, start + START.length) + drawn + page.slice(end);
}

function read(path: string): string {
  return readFileSync(join(PROJECT, path), "utf8");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const stale = [...generated()].filter(([path, text]) => read(path) !== text);
  if (process.argv.includes("--check")) {
    for (const [path] of stale) console.error(`${path} is not up to date: run npm run docs`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else for (const [path, text] of stale) writeFileSync(join(PROJECT, path), text);
}
