import { z } from "zod";

/** Text of the documentation of one key, kept beside its check. */
export interface KeyDoc {
  /** What it does, in one or two sentences, with its unit. */
  readonly description: string;
  /** The group of the reference under which it is listed. */
  readonly group: "Machine" | "Agent" | "Local target" | "AWS target";
}

/** Attaches the documentation of a key to its check. */
export function documented<T extends z.ZodType>(schema: T, group: KeyDoc["group"], description: string): T {
  return schema.meta({ description, group });
}

/** A whole number within bounds, both included. */
export const wholeNumber = (least: number, most: number) =>
  z
    .int({ error: `must be a whole number from ${least} to ${most}` })
    .min(least, { error: `must be at least ${least}` })
    .max(most, { error: `must be at most ${most}` });
