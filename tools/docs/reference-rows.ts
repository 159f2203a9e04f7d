/** Makes contract/reference-rows.ts of contract/reference.yaml: what runs reads no YAML. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { type ReferenceRow, ROW_LEVELS, ROW_TARGETS } from "../../contract/reference-row.ts";
import { GROUPS, type Group } from "../../contract/report.ts";

const SOURCE = new URL("../../contract/reference.yaml", import.meta.url);
const TARGET = new URL("../../contract/reference-rows.ts", import.meta.url);

const Fact = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).min(1)]);
const Row = z
  .strictObject({
    id: z.string().regex(/^[A-Z][0-9]+$/),
    fact: z.string(),
    value: z.union([Fact, z.record(z.string().regex(/^\w+$/), Fact)]),
    shown: z.string().optional(),
    level: z.enum(ROW_LEVELS),
    target: z.enum(ROW_TARGETS),
    note: z.string().optional(),
  })
  .superRefine(({ id, value, shown }, context) => {
    const facts = typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
    const named = [...(shown ?? "").matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
    // A fact that is not shown, or shown and not a fact, would be a promise that nobody reads or nobody keeps.
    if ([...facts].sort().join() === [...named].sort().join()) return;
    context.addIssue({
      code: "custom",
      message: `row ${id} has the facts ${facts.join(", ")}, and shows ${named.join(", ")}`,
    });
  });

const Source = z.strictObject({
  source_of_truth: z.string(),
  ...(Object.fromEntries(GROUPS.map((group) => [group, z.array(Row)])) as Record<Group, z.ZodArray<typeof Row>>),
});

/** Reads and checks the text of reference.yaml. Keeps its order. */
export function parseReference(text: string): ReferenceRow[] {
  const reference = Source.parse(parse(text));
  return GROUPS.flatMap((group) => reference[group].map((row) => ({ ...row, group }) as ReferenceRow));
}

/** The text of contract/reference-rows.ts for some rows. */
export function renderRows(rows: readonly ReferenceRow[]): string {
  const lines = rows.map((row) => `  ${JSON.stringify(row)},`);
  return [
    "// Made from reference.yaml by `npm run docs`: do not edit.",
    "// biome-ignore format: one row a line",
    `export const ROWS = [\n${lines.join("\n")}\n] as const;\n`,
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(TARGET, renderRows(parseReference(readFileSync(SOURCE, "utf8"))));
}
