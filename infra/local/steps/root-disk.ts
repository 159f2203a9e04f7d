import { constants, copyFile, rename, rm } from "node:fs/promises";
import { execa } from "execa";
import { ensureBaseImage } from "../../../tools/images/index.ts";
import type { Settings } from "../../settings/settings.ts";
import { stopMachine } from "../host/process.ts";
import type { Architecture } from "../qemu.ts";
import { type Step, say } from "./step.ts";

/** What the program needs to know of the base image a root disk was made from. */
export interface RootDisk {
  readonly image: string;
  readonly digest: string;
  readonly standIn: boolean;
  readonly why: string;
  /** For the labelled direct boot: kernel and command line. */
  readonly kernel?: { readonly image: string; readonly commandLine: string };
}

/** The root disk: a copy of the base image, grown to its size. First boot grows the file system in it. */
export const rootDisk: Step<{
  root: string;
  architecture: Architecture;
  baseImage: Settings["baseImage"];
  sizeGiB: number;
}> = {
  async create({ architecture, baseImage, sizeGiB }, paths) {
    await stopMachine(paths);
    const image = await ensureBaseImage({ arch: architecture, choice: baseImage, report: say });
    const partial = `${paths.rootDisk}.part`;
    await copyFile(image.path, partial, constants.COPYFILE_FICLONE);
    await execa("qemu-img", ["resize", "-q", "-f", "qcow2", partial, `${sizeGiB}G`]);
    await rename(partial, paths.rootDisk);
    const result: RootDisk = {
      image: image.name,
      digest: image.digest,
      standIn: image.standIn,
      why: image.why,
      ...(image.kernel ? { kernel: { image: image.kernel.image, commandLine: image.kernel.cmdline } } : {}),
    };
    return JSON.stringify(result);
  },

  async remove(_input, paths) {
    await stopMachine(paths);
    await rm(paths.rootDisk, { force: true });
    await rm(`${paths.rootDisk}.part`, { force: true });
  },
};
