/**
 * Writes what is derived from the schema of a stack's configuration: `docs/config.md` and the `config` block of
 * `Pulumi.yaml`. `--check` only tells whether they are up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";
import { z } from "zod";
import { type KeyDoc, settingsSchema } from "../../infra/settings/schema.ts";

interface KeyReference extends KeyDoc {
  readonly key: string;
  readonly type: string;
  readonly default: unknown;
  /** As Pulumi.yaml can declare it; absent for structured values, which it cannot. */
  readonly pulumi?: Record<string, unknown>;
}

/** All keys, as the documentation lists them. */
export function reference(): KeyReference[] {
  return Object.entries(settingsSchema.shape).map(([key, schema]) => {
    const { description, group } = schema.meta() as unknown as KeyDoc;
    const json = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
    const pulumi = pulumiType(json, description);
    return {
      key,
      description,
      group,
      type: typeInWords(json),
      default: json.default,
      ...(pulumi ? { pulumi } : {}),
    };
  });
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  items?: JsonSchema;
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

/**
 * Pulumi.yaml knows string, integer, boolean and array (Pulumi project file reference, `config`). Numbers and booleans are
 * strings there: Pulumi would refuse the first value of a wrong type by itself, before the program tells all that is wrong.
 */
function pulumiType(json: JsonSchema, description: string): Record<string, unknown> | undefined {
  if (json.type === "array") return { type: "array", items: { type: "string" }, description, default: json.default };
  if (json.type === "string") return { type: "string", description, default: json.default };
  if (json.type !== "integer" && json.type !== "boolean") return undefined;
  return { type: "string", description: `${description} (${typeInWords(json)})`, default: String(json.default) };
}

function typeInWords(json: JsonSchema): string {
  if (json.enum) return json.enum.map((value) => `\`${value}\``).join(" or ");
  if (json.type === "integer") return `whole number, ${json.minimum} to ${json.maximum}`;
  if (json.type === "array") return `list of ${typeInWords(json.items ?? {})}`;
  return json.type ?? "object";
}

/** The text of `docs/config.md`. */
export function configMarkdown(): string {
  const keys = reference();
  const groups = [...new Set(keys.map(({ group }) => group))];
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const sections = groups.map((group) => {
    const rows = keys
      .filter((key) => key.group === group)
      .map(
        (key) =>
          `| \`cloister:${key.key}\` | ${cell(key.type)} | \`${JSON.stringify(key.default)}\` | ${cell(key.description)} |`,
      );
    return [`## ${group}`, "", "| key | type | default | what it does |", "|---|---|---|---|", ...rows].join("\n");
  });
  return `# Configuration

One stack is one environment; its keys are in \`Pulumi.<stack>.yaml\`. Set one with \`pulumi config set cloister:cpus 2\`, lists and
objects with \`--path\`: \`pulumi config set --path 'cloister:tools[0]' Bash\`. Where Pulumi is not on PATH, \`npm run -s pulumi -- config set\`
does the same. All keys have defaults. Unknown keys and wrong values are refused, all at once, before anything is created.

What a machine knows of itself is in its user data: a change of that (such as \`hostname\`, \`cpus\`, \`memoryMiB\`, \`model\`) makes a new machine with
a fresh root disk. Session disks stay.

<!-- Generated from infra/settings/schema.ts by \`npm run docs\`. -->

${sections.join("\n\n")}
`;
}

/** `Pulumi.yaml` with its `config` block made anew; comments elsewhere stay. */
export function pulumiYaml(current: string): string {
  const document = parseDocument(current);
  const block = Object.fromEntries(reference().flatMap(({ key, pulumi }) => (pulumi ? [[key, pulumi] as const] : [])));
  document.set("config", document.createNode(block));
  return document.toString({ lineWidth: 0 });
}

const file = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const texts = {
    "docs/config.md": configMarkdown(),
    "Pulumi.yaml": pulumiYaml(readFileSync(file("Pulumi.yaml"), "utf8")),
  };
  for (const [name, text] of Object.entries(texts)) {
    if (!check) writeFileSync(file(name), text);
    else if (readFileSync(file(name), "utf8") !== text) {
      console.error(`${name} is not what the schema says: run npm run docs`);
      process.exitCode = 1;
    }
  }
}
