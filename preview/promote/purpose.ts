/** `promotion.yaml`: differences between stacks that are meant, each with its reason and its dates. */
import { parseDocument } from "yaml";
import { z } from "zod";

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "is no date such as 2027-01-31")
  .refine((text) => !Number.isNaN(Date.parse(text)), "is no day of the calendar");

const purposeSchema = z
  .strictObject({
    key: z.string().min(1).describe("key of the configuration without cloister:, with all that is below it"),
    stacks: z.array(z.string()).length(2, "names two stacks, between which it differs"),
    reason: z.string().min(15, "is too short: say in a sentence why"),
    by: z.string().min(2),
    since: day,
    until: day.optional(),
  })
  .refine(({ since, until }) => until === undefined || since < until, "ends before it begins");

const fileSchema = z.strictObject({ differences: z.array(purposeSchema) });

/** One difference that is meant. */
export type Purpose = z.infer<typeof purposeSchema>;

/** File of the project that lists them. */
export const PURPOSE_FILE = "promotion.yaml";

/**
 * Reads the list. An empty text is an empty list.
 *
 * @throws Error with everything that is wrong in it
 */
export function readPurposes(text: string): Purpose[] {
  if (text.trim() === "") return [];
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new Error(`${PURPOSE_FILE}: ${document.errors[0]?.message ?? "is no YAML"}`);
  const parsed = fileSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data.differences;
  const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join(".") || "the file"}: ${message}`);
  throw new Error(`${PURPOSE_FILE} is refused:\n${lines.join("\n")}`);
}

/** Tells whether a difference between two stacks is on a list entry. Its order of the stacks does not matter. */
export function covers({ key, stacks }: Purpose, path: string, from: string, to: string): boolean {
  return stacks.includes(from) && stacks.includes(to) && isWithin(path, key);
}

/** Tells whether a path is at a key or below it. */
export const isWithin = (path: string, key: string): boolean =>
  path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);

/** `YYYY-MM-DD` of today. */
export const today = (now = new Date()): string => now.toISOString().slice(0, 10);
