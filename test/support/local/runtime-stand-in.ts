// Stands in for images/runtime in tests of the local stack's life cycle: a file that is no squashfs.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export async function ensureRuntimeImage(): Promise<object> {
  const path = join(process.env["CLOISTER_TEST_FILES"] ?? "", "runtime.squashfs");
  await writeFile(path, "runtime image");
  return { path, digest: process.env["CLOISTER_TEST_RUNTIME_DIGEST"] ?? "a".repeat(64), size: 13 };
}
