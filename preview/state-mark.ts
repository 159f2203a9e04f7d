import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's name, in Pulumi.yaml: the backend's folder of its stacks. */
const PROJECT = "cloister";

/**
 * A text that is another one as soon as a stack's state was written, taken without the engine: of the state's file and
 * what is in it. Only backends in a folder have such a file.
 *
 * @param backend PULUMI_BACKEND_URL
 * @returns undefined where the state is not in one file of its own, and somebody has to ask the engine
 */
export async function stateMark(backend: string | undefined, stack: string): Promise<string | undefined> {
  // `file://~` and relative ones are for Pulumi to resolve.
  if (!backend?.startsWith("file:///")) return undefined;
  const folder = join(fileURLToPath(new URL(backend.replace(/[?#].*$/, ""))), ".pulumi", "stacks", PROJECT);
  const marks = await Promise.all([`${stack}.json`, `${stack}.json.gz`].map((name) => markOf(join(folder, name))));
  return marks.some((mark) => mark !== undefined) ? JSON.stringify(marks) : undefined;
}

async function markOf(path: string): Promise<readonly string[] | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const text = await file.readFile();
    // The engine puts a new file in the old one's place. With its number and times, two writes that undo each other are seen.
    const { ino, mtimeNs } = await file.stat({ bigint: true });
    return [createHash("sha256").update(text).digest("hex"), String(ino), String(mtimeNs)];
  } finally {
    await file.close();
  }
}
