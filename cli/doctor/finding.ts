import { messageOf } from "../errors.ts";
import { firstSentence } from "../sentence.ts";

/**
 * The result of one look. `note`: worth knowing, and not in the way. `problem`: in the way, or soon will be.
 */
export interface Finding {
  /** The cause, by the name that docs/trouble.md has for it. */
  readonly cause: string;
  readonly about: "computer" | "stack" | "machine";
  readonly status: "ok" | "note" | "problem";
  /** What was seen: one sentence. */
  readonly seen: string;
  /** What to do; absent when all is well. */
  readonly remedy?: string;
}

type Told = Omit<Finding, "about">;

export const ok = (cause: string, seen: string): Told => ({ cause, status: "ok", seen });
export const note = (cause: string, seen: string, remedy: string): Told => ({ cause, status: "note", seen, remedy });
export const problem = (cause: string, seen: string, remedy: string): Told => ({
  cause,
  status: "problem",
  seen,
  remedy,
});

/** One look. It may tell of several causes; it never throws for what it looks for. */
export type Look = () => Promise<readonly Told[] | Told>;

/** Looks at everything at once. A look that fails is told, and hides no other. */
export async function findings(
  about: Finding["about"],
  looks: Readonly<Record<string, Look>>,
): Promise<readonly Finding[]> {
  const told = await Promise.all(
    Object.entries(looks).map(async ([cause, look]): Promise<readonly Told[]> => {
      try {
        return [await look()].flat();
      } catch (error) {
        const first = firstSentence(messageOf(error));
        return [note(cause, `this could not be looked at: ${first}`, "Mend what it says, and run doctor again.")];
      }
    }),
  );
  return told.flat().map((one) => ({ about, ...one }));
}
