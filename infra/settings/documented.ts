import { z } from "zod";

/**
 * The strongest thing that a change of a key does to a machine:
 *
 * - `in place`: nothing that runs is touched
 * - `restart`: the machine shuts down and starts again, with its disks
 * - `new machine`: the machine is made anew with a fresh root disk. The session disk of the local machine or of a named
 *   machine stays. A pool's machines are made anew one after the other, their session disks with them
 * - `new disk`: the session disk is made anew too, without what was on it
 */
export type Effect = "in place" | "restart" | "new machine" | "new disk";

/** Effects of a change, by target. A target that is left out does not use the key. */
export interface Change {
  readonly local?: Effect;
  readonly container?: Effect;
  /** One effect for all machines, or one for named machines and one for pools. */
  readonly aws?: Effect | { readonly machines?: Effect; readonly pools?: Effect };
  /** Exceptions and details, in sentences. */
  readonly note?: string;
}

/** Documentation of a key or of a part of its value, kept beside its check. */
export interface PartDoc {
  /** Purpose and meaning of special values, in a sentence or more. */
  readonly description: string;
  /** Unit of a number. */
  readonly unit?: string;
  /** Differences on AWS, in a sentence. */
  readonly onAws?: string;
  /** Text for a default that the schema cannot state. */
  readonly fallback?: string;
  /** A part without its own has that of the value it belongs to. */
  readonly change?: Change;
  /** A value that the check accepts. */
  readonly example: unknown;
  /** Documentation of parts whose check belongs to another room and has none beside it. */
  readonly parts?: Readonly<Record<string, PartDoc>>;
}

/** Documentation of a key. */
export interface KeyDoc extends PartDoc {
  readonly change: Change;
  /** Chapter of the reference. */
  readonly group: "Machine" | "Agent" | "Local target" | "Container target" | "AWS target";
}

/** Attaches documentation to a check. `tools/docs` makes the reference and the editors' schema from it. */
export function documented<T extends z.ZodType>(schema: T, doc: PartDoc | KeyDoc): T {
  return schema.meta({ ...doc });
}

/** {@link documented} for all keys of one chapter. */
export const inGroup =
  (group: KeyDoc["group"]) =>
  <T extends z.ZodType>(schema: T, doc: Omit<KeyDoc, "group">): T =>
    documented(schema, { ...doc, group });

/** A whole number within bounds, both included. */
export const wholeNumber = (least: number, most: number) =>
  z
    .int({ error: `must be a whole number from ${least} to ${most}` })
    .min(least, { error: `must be at least ${least}` })
    .max(most, { error: `must be at most ${most}` });
