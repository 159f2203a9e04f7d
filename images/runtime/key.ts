import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Arch } from "./arch.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Folders and files that the image is made from: the guest's code, how it is packed, and the bundled packages. */
const SOURCES = ["guest", "contract", "images/runtime"];
const LOCK = "package-lock.json";

/** True when a change of this file (its path in the project, with `/`) changes the image. Documents and tests beside the code do not. */
export function isInput(path: string): boolean {
  return !/(_test\.go|\.test\.ts|\.md)$/.test(path) && !path.includes("/node_modules/");
}

/**
 * Digest of everything the image is made from, by path and content. Reads a hundred small files and starts no process,
 * so that a preview can afford it. The versions of Go and mksquashfs are not part of it: with others the image has other
 * bytes and the same content.
 */
export function runtimeImageKey({ arch, root = ROOT }: { arch: Arch; root?: string }): string {
  const hash = createHash("sha256").update(arch);
  for (const name of [...SOURCES.flatMap((folder) => filesOf(root, folder)), LOCK].filter(isInput).sort()) {
    const content = createHash("sha256")
      .update(readFileSync(join(root, name)))
      .digest("hex");
    hash.update(`\n${content} ${name}`);
  }
  return hash.digest("hex");
}

function filesOf(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    );
}
