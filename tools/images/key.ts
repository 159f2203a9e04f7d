import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * Digest of everything that decides which base image a machine gets, without asking the network: used as a trigger, so
 * that a root disk is made anew when what it was made from changes here.
 */
export function baseImageKey({ arch, choice }: { arch: "amd64" | "arm64"; choice: string }): string {
  const folder = import.meta.dirname;
  const hash = createHash("sha256").update(`${arch} ${choice}`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  for (const file of files) hash.update(`\n${relative(folder, file)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}
