import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Report, type Store, sha256File } from "../../../lib/store.ts";
import { ensureSystemPackages } from "../../../lib/system/index.ts";
import type { Arch, BaseImage } from "../types.ts";
import { inspectDisk, problemsOf } from "./assert.ts";
import { buildDisk } from "./build.ts";
import { debianKey, kernelCommandLine } from "./recipe.ts";
import { RELEASES, type Release } from "./releases.ts";

/** Folder of the store. */
export const DEBIAN_KIND = "base-image-debian";

export interface DebianOptions {
  readonly arch: Arch;
  /** Default: Debian 13. */
  readonly release?: Release;
  readonly store: Store;
  readonly report: Report;
  readonly deep?: boolean;
  /** Fills a folder with disk.raw, vmlinuz and packages.txt; only tests set it. */
  readonly build?: typeof buildDisk;
  /** Reads a raw disk; only tests set it. */
  readonly inspect?: typeof inspectDisk;
}

/** Finds the Debian image in the store, or builds it, checks what came out, and packs it. */
export async function ensureDebianImage(options: DebianOptions): Promise<Omit<BaseImage, "why">> {
  const { arch, store, report, deep = true, release = RELEASES["debian-13-stand-in"] } = options;
  const entry = await store.entry(
    DEBIAN_KIND,
    debianKey(arch, release),
    async (folder) => await make(folder, options),
    {
      deep,
      report,
    },
  );
  const { digest } = JSON.parse(await readFile(join(entry.path, "image.json"), "utf8")) as { digest: string };
  return {
    path: join(entry.path, "disk.qcow2"),
    digest,
    name: release.name,
    standIn: true,
    kernel: { image: join(entry.path, "vmlinuz"), cmdline: kernelCommandLine(arch) },
  };
}

async function make(folder: string, options: DebianOptions): Promise<void> {
  const { arch, report, release, build = buildDisk, inspect = inspectDisk } = options;
  if (build === buildDisk) await ensureSystemPackages({ arch, groups: ["base-image-stand-in"], report });
  await build({ arch, folder, report, ...(release ? { release } : {}) });
  const raw = join(folder, "disk.raw");
  report("Debian image: checking it");
  const facts = await inspect(raw, arch, await readFile(join(folder, "packages.txt"), "utf8"));
  const problems = problemsOf(facts, arch, release);
  if (problems.length > 0) {
    throw new Error(
      `The Debian image was built but is not what a machine needs:\n${problems.map((p) => `- ${p}`).join("\n")}`,
    );
  }
  // Not compressed: a machine's root disk is a copy of it, and reading compressed clusters would cost at every boot.
  const packed = join(folder, "disk.qcow2");
  await execa("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, `${packed}.part`]);
  await rename(`${packed}.part`, packed);
  await rm(raw);
  await writeFile(join(folder, "image.json"), JSON.stringify({ digest: await sha256File(packed) }));
}
