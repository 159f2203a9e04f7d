/** Writes the schema of a preview's document. `--check` only tells whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { jsonSchema } from "../../preview/change-set/document.ts";

const file = fileURLToPath(new URL("../../preview/change-set/schema.json", import.meta.url));
const text = `${JSON.stringify(jsonSchema(), undefined, 2)}\n`;
if (!process.argv.includes("--check")) writeFileSync(file, text);
else if (readFileSync(file, "utf8") !== text) {
  console.error("preview/change-set/schema.json is not what document.ts says: run npm run docs");
  process.exitCode = 1;
}
