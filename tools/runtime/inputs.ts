import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { sha256, sha256File } from "../lib/store.ts";

/** Endings of guest files that the image depends on. Documents and tests beside the code do not change it. */
const COUNTED = /\.(ts|go|mod|sum|sh|yaml|json|service|slice|nft|bpf|conf)$|(^|\/)boot\/[^.]+$/;

/** Whether a file of `guest/`, by its path with `/`, is an input of the image. */
export function isInput(path: string): boolean {
  return COUNTED.test(path) && !/(_test\.go|\.test\.ts|\.md)$/.test(path);
}

/** Digest of what the image is made from: files by path and content, and the tools by version. */
export async function inputsDigest(root: string, folders: readonly string[], facts: unknown): Promise<string> {
  const lines: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const name = relative(root, path).split(sep).join("/");
      if (isInput(name)) lines.push(`${await sha256File(path)} ${name}`);
    }
  }
  return sha256(JSON.stringify([facts, lines.sort()]));
}
