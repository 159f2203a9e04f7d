import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../lib/cache-root.cjs";
import { findOnPath } from "../lib/on-path.ts";
import type { Arch } from "./arch.ts";
import { runtimeImageKey } from "./key.ts";

/** Kind of the runtime image's entries in the store. */
export const KIND = "runtime-image";

/** What to tell somebody without Go. */
export const GO_MISSING =
  "Go 1.24 or newer is needed to build the small static programs that run on a machine, and no such `go` is on PATH. Install it " +
  "(https://go.dev/dl; macOS: brew install go), then run the same command again.";

/** What to tell somebody without mksquashfs. */
export const SQUASHFS_MISSING =
  "mksquashfs is needed to pack the runtime image and is not on PATH. Install squashfs-tools " +
  "(Debian and Ubuntu: sudo apt-get install squashfs-tools; macOS: brew install squashfs), then run the same command again.";

/** The least version of Go that builds the guest's programs (their go.mod). */
const GO = [1, 24] as const;

/**
 * What this computer lacks to make the runtime image, each with what to do; nothing where the image is made already, so that
 * a preview can afford it.
 */
export async function missingForRuntimeImage(arch: Arch, env = process.env, cache = cacheRoot()): Promise<string[]> {
  if (existsSync(join(cache, KIND, runtimeImageKey({ arch })))) return [];
  return [
    ...((await goIsNewEnough(env)) ? [] : [GO_MISSING]),
    ...((await findOnPath("mksquashfs", env)) ? [] : [SQUASHFS_MISSING]),
  ];
}

async function goIsNewEnough(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (!(await findOnPath("go", env))) return false;
  const found = await promisify(execFile)("go", ["env", "GOVERSION"], { env }).catch(() => undefined);
  const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(found?.stdout ?? "") ?? []).map(Number);
  return major > GO[0] || (major === GO[0] && minor >= GO[1]);
}
