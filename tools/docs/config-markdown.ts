/** The text of `docs/config.md`. */
import { stringify } from "yaml";
import { changeInWords, type Entry, type KeyEntry, reference } from "./config-reference.ts";
import { wrapped } from "./wrap.ts";

const INTRODUCTION = `# Configuration

One stack is one environment. Its keys are in \`Pulumi.<stack>.yaml\`, and all but two have defaults:
on AWS \`region\` and \`ami\` are required. Unknown keys and wrong values are refused, all at once,
before anything is created.

Set a key with \`pulumi config set cloister:cpus 2\`. Set parts of lists and objects with \`--path\`:
\`pulumi config set --path 'cloister:tools[0]' Bash\`. Where Pulumi is not on PATH,
\`npm run -s pulumi -- config set\` does the same. Or write the file by hand:

\`\`\`yaml
# yaml-language-server: $schema=./schemas/pulumi-stack.schema.json
config:
  cloister:target: aws
  cloister:region: eu-central-1
  cloister:machines: { one: {} }
\`\`\`

The first line gives editors [the schema of the file](../schemas/pulumi-stack.schema.json). With the
YAML extension of Visual Studio Code, or another editor with yaml-language-server, they complete
keys, show what these do, and underline what is wrong. \`pulumi config set\` keeps the line. The
program checks more than the schema can say.

## What a change does

Each key says what a change of it does at the next \`pulumi up\`. \`pulumi preview --diff\` shows it
before.

- **in place**: nothing that runs is touched.
- **restart**: the machine shuts down and starts again, with its disks.
- **new machine**: the machine is made anew, with a fresh root disk. The session disk of the local
  machine and of a named machine stays, with what is on it. The machines of a pool are made anew one
  after the other when their commands have ended, and their session disks go with them.
- **new disk**: the session disk is made anew too. What was on it is lost, unless
  \`cloister:onDestroy\` keeps it or refuses the change.

A key that names no change for a target does nothing there. \`NAME\` in a key stands for a name that
you choose.
`;

/** The text of `docs/config.md`. */
export function configMarkdown(): string {
  const keys = reference();
  const groups = [...new Set(keys.map(({ group }) => group))];
  const link = ({ path }: KeyEntry) => `[${path}](#cloister${path.toLowerCase()})`;
  const contents = groups.map((group) =>
    wrapped(
      `- ${group}: ${keys
        .filter((key) => key.group === group)
        .map(link)
        .join(", ")}`,
      "  ",
    ),
  );
  const chapters = groups.map((group) =>
    [`## ${group}`, ...keys.filter((key) => key.group === group).map((key) => section(key, 3))].join("\n\n"),
  );
  const parts = [INTRODUCTION.trimEnd(), keysByEffect(keys), "## Keys", contents.join("\n"), ...chapters];
  return `<!-- Generated from infra/settings/keys by \`npm run docs\`. -->\n\n${parts.join("\n\n")}\n`;
}

/** The keys by the effect of their change. A key with notes or with parts of other effects says so in its own section. */
function keysByEffect(keys: readonly KeyEntry[]): string {
  const words = keys.map(({ path, change }) => ({ path, ...changeInWords(change) }));
  const effects = [...new Set(words.flatMap(({ local, aws }) => [local ?? [], aws ?? []].flat()))].sort();
  const lines = effects.flatMap((effect) =>
    (["local", "aws"] as const).flatMap((target) => {
      const named = words
        .filter((key) => key[target] === effect)
        .map(({ path }) => `[${path}](#cloister${path.toLowerCase()})`);
      const where = target === "local" ? "local" : "on AWS";
      return named.length === 0 ? [] : [wrapped(`- **${effect}**, ${where}: ${named.join(", ")}`, "  ")];
    }),
  );
  return ["### Keys by effect", lines.join("\n")].join("\n\n");
}

function section(entry: Entry, level: number): string {
  const { path, description, unit, onAws, parts } = entry;
  const { local, container, aws, note } = changeInWords(entry.change);
  const effects =
    local === aws && local !== undefined
      ? [`- a change: ${local}.`]
      : [
          local && `- a change, local: ${local}.`,
          container && `- a change: ${container}.`,
          aws && `- a change, on AWS: ${aws}.`,
        ].filter(Boolean);
  const last = effects.pop();
  const lines = [
    `- type: ${entry.type}`,
    unit && `- unit: ${unit}`,
    `- default: ${entry.default}`,
    onAws && `- on AWS: ${onAws}`,
    ...effects,
    note ? `${last} ${note}` : last,
  ];
  const list = lines.flatMap((line) => (line ? [wrapped(line, "  ")] : [])).join("\n");
  const texts = [`${"#".repeat(level)} cloister:${path}`, wrapped(description, ""), list, example(entry)];
  return [...texts, ...parts.map((part) => section(part, 4))].join("\n\n");
}

/** The lines of `Pulumi.<stack>.yaml` that set an entry to its example. */
function example({ path, example: value }: Entry): string {
  const [key = "", ...parts] = path.replace("mcpServers.NAME", "mcpServers.notes").split(".");
  const names: Readonly<Record<string, string>> = { machines: "one", pools: "workers", schedules: "day" };
  const named = parts.map((part, i) => (part === "NAME" ? (names[[key, ...parts][i] ?? ""] ?? "one") : part));
  const whole = named.reduceRight((inner: unknown, part) => ({ [part]: inner }), value);
  return `\`\`\`yaml\n${stringify({ [`cloister:${key}`]: whole }, { lineWidth: 100 })}\`\`\``;
}
