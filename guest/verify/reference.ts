import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { GROUPS, type Group } from "./report.ts";

const RowSchema = z.strictObject({
  id: z.string().regex(/^[A-Z][0-9]+$/),
  fact: z.string(),
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
  level: z.enum(["must", "parity"]),
  target: z.enum(["any", "arm64", "ubuntu", "aws", "container"]),
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

/** One promise: what is to be seen, and where it can be. */
export type ReferenceRow = z.infer<typeof RowSchema> & { readonly group: Group };

/** Reads the reference, in its order. It lies beside this module, or beside the bundle that this module is part of. */
export async function readReference(url = new URL("./reference.yaml", import.meta.url)): Promise<ReferenceRow[]> {
  const reference = ReferenceSchema.parse(parse(await readFile(url, "utf8")));
  return GROUPS.flatMap((group) => reference[group].map((row) => ({ ...row, group })));
}

/** The promised value, in words. */
export function expectation({ value }: Pick<ReferenceRow, "value">): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
