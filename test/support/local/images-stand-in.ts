// Stands in for images/base in tests of the local stack's life cycle: a tiny blank disk that would not boot.
import { join } from "node:path";
import { execa } from "execa";

export async function ensureBaseImage(): Promise<object> {
  const path = join(process.env["CLOISTER_TEST_FILES"] ?? "", "base.qcow2");
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", path, "1G"]);
  return { path, digest: "0".repeat(64), name: "debian-13-stand-in", standIn: true, why: "a test" };
}

export async function chosenBaseImage(): Promise<string> {
  return "debian-13-stand-in";
}
