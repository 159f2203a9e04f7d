import { existsSync } from "node:fs";
import { findOnPath } from "../lib/on-path.ts";
import { Store } from "../lib/store.ts";
import type { Arch } from "./arch.ts";
import { runtimeImageKey } from "./key.ts";

/** Kind of the runtime image's entries in the store. */
export const KIND = "runtime-image";

/** What to tell somebody without Go. */
export const GO_MISSING =
  "Go is needed to build the small static programs that run on a machine, and no `go` is on PATH. Install Go 1.24 or newer " +
  "(https://go.dev/dl; macOS: brew install go), then run the same command again.";

/** What to tell somebody without mksquashfs. */
export const SQUASHFS_MISSING =
  "mksquashfs is needed to pack the runtime image and is not on PATH. Install squashfs-tools " +
  "(Debian and Ubuntu: sudo apt-get install squashfs-tools; macOS: brew install squashfs), then run the same command again.";

/**
 * What this computer lacks to make the runtime image, each with what to do; nothing where the image is made already. Starts
 * no process, so that a preview can afford it.
 */
export async function missingForRuntimeImage(arch: Arch, env = process.env, store?: Store): Promise<string[]> {
  const missing = [
    ...((await findOnPath("go", env)) ? [] : [GO_MISSING]),
    ...((await findOnPath("mksquashfs", env)) ? [] : [SQUASHFS_MISSING]),
  ];
  if (missing.length === 0) return [];
  const made = (store ?? new Store()).pathOf(KIND, runtimeImageKey({ arch }));
  return existsSync(made) ? [] : missing;
}
