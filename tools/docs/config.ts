/**
 * Writes what is derived from the schema of a stack's configuration: `docs/config.md`, the `config` block of `Pulumi.yaml`
 * and the schema that editors use for `Pulumi.<stack>.yaml`. `--check` only tells whether they are up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";
import { configMarkdown } from "./config-markdown.ts";
import { type KeyEntry, reference } from "./config-reference.ts";
import { SCHEMA_FILE, stackSchema } from "./config-schema.ts";

/**
 * Pulumi.yaml knows string, integer, boolean and array (Pulumi project file reference, `config`). Numbers and booleans are
 * strings there: Pulumi would refuse the first value of a wrong type by itself, before the program tells all that is wrong.
 */
function pulumiType({ json, description, type }: KeyEntry): Record<string, unknown> | undefined {
  if (json.type === "array") return { type: "array", items: { type: "string" }, description, default: json.default };
  if (json.type === "string") return { type: "string", description, default: json.default };
  if (json.type !== "integer" && json.type !== "boolean") return undefined;
  return { type: "string", description: `${description} (${type})`, default: String(json.default) };
}

/** `Pulumi.yaml` with its `config` block made anew; comments elsewhere stay. */
export function pulumiYaml(current: string): string {
  const document = parseDocument(current);
  const block = Object.fromEntries(
    reference().flatMap((key) => {
      const pulumi = pulumiType(key);
      return pulumi ? [[key.path, pulumi] as const] : [];
    }),
  );
  document.set("config", document.createNode(block));
  return document.toString({ lineWidth: 0 });
}

const file = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const texts = {
    "docs/config.md": configMarkdown(),
    "Pulumi.yaml": pulumiYaml(readFileSync(file("Pulumi.yaml"), "utf8")),
    [SCHEMA_FILE]: stackSchema(),
  };
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(file(name)), { recursive: true });
    if (!check) writeFileSync(file(name), text);
    else if (readFileSync(file(name), "utf8") !== text) {
      console.error(`${name} is not what the schema says: run npm run docs`);
      process.exitCode = 1;
    }
  }
}
