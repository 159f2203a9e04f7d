import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's name, in Pulumi.yaml: the backend's folder of its stacks. */
export const PROJECT = "cloister";

/** A stack's state that is a file, as it was when it was read. */
export interface StateFile {
  /** Another text as soon as the state was written: of the file and what is in it. */
  readonly mark: string;
  /**
   * The state as `pulumi stack export` gives it, which is a process of the engine that runs beside the preview's own. Undefined where
   * the file is not of a form that is known here: then the engine has to export it.
   */
  readonly exported: () => string | undefined;
}

/** Versions of the file's form. In both the last deployment is what an export has, secrets encrypted. */
const VERSIONS: readonly unknown[] = [3, 4];

/**
 * Reads a stack's state without the engine. Only backends in a folder have it in a file.
 *
 * @param backend PULUMI_BACKEND_URL
 * @returns undefined where the state is not in one file of its own, and somebody has to ask the engine
 */
export async function stateFile(backend: string | undefined, stack: string): Promise<StateFile | undefined> {
  const root = folderOf(backend);
  if (root === undefined) return undefined;
  const folder = join(root, ".pulumi", "stacks", PROJECT);
  const [plain, packed] = await Promise.all(
    [`${stack}.json`, `${stack}.json.gz`].map((name) => read(join(folder, name))),
  );
  if (plain === undefined && packed === undefined) return undefined;
  return {
    mark: JSON.stringify([plain?.mark, packed?.mark]),
    // Of two files the engine takes one, by rules of its own.
    exported: () => (plain === undefined || packed !== undefined ? undefined : asExported(plain.bytes)),
  };
}

/** Settings of a backend in a folder that move nothing in it. */
const HARMLESS: readonly string[] = ["metadata", "no_tmp_dir"];

function folderOf(backend: string | undefined): string | undefined {
  // `file://~` and relative ones are for Pulumi to resolve.
  if (!backend?.startsWith("file:///")) return undefined;
  try {
    const url = new URL(backend);
    return [...url.searchParams.keys()].every((key) => HARMLESS.includes(key)) ? fileURLToPath(url) : undefined;
  } catch {
    // Not every path that Pulumi takes is one for Node.
    return undefined;
  }
}

async function read(path: string): Promise<{ mark: readonly string[]; bytes: Buffer } | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const bytes = await file.readFile();
    // The engine puts a new file in the old one's place. With its number and times, two writes that undo each other are seen.
    const { ino, mtimeNs } = await file.stat({ bigint: true });
    return { mark: [createHash("sha256").update(bytes).digest("hex"), String(ino), String(mtimeNs)], bytes };
  } finally {
    await file.close();
  }
}

function asExported(bytes: Buffer): string | undefined {
  try {
    const { version, features, checkpoint } = JSON.parse(bytes.toString("utf8")) as {
      version?: unknown;
      features?: unknown;
      checkpoint?: { latest?: unknown };
    };
    const deployment = checkpoint?.latest;
    if (!VERSIONS.includes(version) || typeof deployment !== "object" || deployment === null) return undefined;
    return JSON.stringify({ version, features, deployment }, undefined, 4);
  } catch {
    return undefined;
  }
}
