import { readFile, stat } from "node:fs/promises";
import { type ChangeDocument, documentSchema } from "../change-set/document.ts";

/** Bytes of the largest document that is read. */
const MOST = 32 << 20;

/**
 * Reads a document that another job wrote: it is checked, and of this stack.
 *
 * @throws Error when it is not
 */
export async function readDocument(file: string, stack: string): Promise<ChangeDocument> {
  const { size } = await stat(file);
  if (size > MOST) throw new Error(`${file}: has ${size} bytes, and may have ${MOST}`);
  const parsed = documentSchema.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (!parsed.success) {
    const some = parsed.error.issues.slice(0, 10).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(`${file}: is no document of a preview:\n${some.join("\n")}`);
  }
  if (parsed.data.stack !== stack) throw new Error(`${file}: is not of the stack ${stack}`);
  return parsed.data;
}

/**
 * Refuses what a run without credentials cannot have seen.
 *
 * @throws Error when the document says that it is of the account
 */
export function requireRehearsed({ rehearsed }: Pick<ChangeDocument, "rehearsed">, file: string): void {
  if (!rehearsed)
    throw new Error(`${file}: says that it is of the account, which a run without credentials cannot know`);
}
