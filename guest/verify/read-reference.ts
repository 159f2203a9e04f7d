import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { type ReferenceRow, ROW_LEVELS, ROW_TARGETS } from "./reference.ts";
import { GROUPS, type Group } from "./report.ts";

const RowSchema = z.strictObject({
  id: z.string().regex(/^[A-Z][0-9]+$/),
  fact: z.string(),
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
  level: z.enum(ROW_LEVELS),
  target: z.enum(ROW_TARGETS),
  note: z.string().optional(),
});

const ReferenceSchema = z
  .strictObject({
    source_of_truth: z.string(),
    ...(Object.fromEntries(GROUPS.map((group) => [group, z.array(RowSchema)])) as Record<
      Group,
      z.ZodArray<typeof RowSchema>
    >),
  })
  .readonly();

/** Reads and checks the reference, in its order. In the runtime image this module has read it already (images/runtime/bundle.ts). */
export async function readReference(): Promise<ReferenceRow[]> {
  const reference = ReferenceSchema.parse(parse(await readFile(new URL("./reference.yaml", import.meta.url), "utf8")));
  return GROUPS.flatMap((group) => reference[group].map((row) => ({ ...row, group })));
}
