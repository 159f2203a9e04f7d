import { constants, copyFile, rename, rm } from "node:fs/promises";
import { chosenBaseImage } from "../../../images/base/index.ts";
import { ensureRuntimeImage } from "../../../images/runtime/index.ts";
import { debsReleaseOf } from "../../../images/runtime/ubuntu/releases.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Architecture } from "../qemu.ts";
import { type Step, say } from "./step.ts";

/** The facts that the program needs about the runtime image. */
export interface RuntimeDisk {
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * The runtime image as a disk of the machine: a copy of the cached one, so that the cache can be emptied at any time.
 */
export const runtimeDisk: Step<
  { root: string; architecture: Architecture; baseImage: Settings["baseImage"] },
  RuntimeDisk
> = {
  async create({ architecture, baseImage }, paths) {
    const base = await chosenBaseImage({ arch: architecture, choice: baseImage });
    const ubuntuRelease = debsReleaseOf(base);
    const image = await ensureRuntimeImage({
      arch: architecture,
      report: say,
      ...(ubuntuRelease ? { ubuntuPackages: "when-reachable", ubuntuRelease } : {}),
    });
    const partial = `${paths.runtimeDisk}.part`;
    await copyFile(image.path, partial, constants.COPYFILE_FICLONE);
    await rename(partial, paths.runtimeDisk);
    return { digest: image.digest, size: image.size };
  },

  async remove(_input, paths) {
    await rm(paths.runtimeDisk, { force: true });
    await rm(`${paths.runtimeDisk}.part`, { force: true });
  },
};
