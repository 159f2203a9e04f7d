// Stands in for images/runtime in rehearsals: a file of a few bytes that is no squashfs, under its true digest.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export const missingForRuntimeImage = async (): Promise<string[]> =>
  (process.env["CLOISTER_TEST_MISSING"] ?? "").split("\n").filter(Boolean);

export async function ensureRuntimeImage(): Promise<object> {
  const content = process.env["CLOISTER_TEST_RUNTIME"] ?? "runtime image";
  const path = join(process.env["CLOISTER_TEST_FILES"] ?? "", "runtime.squashfs");
  await writeFile(path, content);
  return { path, digest: createHash("sha256").update(content).digest("hex"), size: Buffer.byteLength(content) };
}
