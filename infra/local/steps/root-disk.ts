import { constants, copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { ensureBaseImage } from "../../../images/base/index.ts";
import type { BaseImage } from "../../../images/base/types.ts";
import type { Settings } from "../../settings/settings.ts";
import { stopMachine } from "../host/process.ts";
import type { Paths } from "../paths.ts";
import type { Architecture } from "../qemu.ts";
import { type Step, say } from "./step.ts";

/** The facts that the program needs about the base image of a root disk. */
export interface RootDisk {
  readonly image: string;
  readonly digest: string;
  readonly standIn: boolean;
  readonly why: string;
  /** Kernel and command line, for the labelled direct boot. */
  readonly kernel?: { readonly image: string; readonly commandLine: string };
}

/** The inputs of a root disk. */
export interface RootDiskInput {
  readonly architecture: Architecture;
  readonly baseImage: Settings["baseImage"];
  readonly sizeGiB: number;
}

/** The root disk: a copy of the base image, grown to its size. First boot grows the file system in it. */
export const rootDisk: Step<RootDiskInput & { readonly root: string }, RootDisk> = {
  async create(input, paths) {
    await stopMachine(paths);
    const image = await findImage(input);
    await make(image, input, paths);
    return {
      image: image.name,
      digest: image.digest,
      standIn: image.standIn,
      why: image.why,
      ...(image.kernel ? { kernel: { image: image.kernel.image, commandLine: image.kernel.cmdline } } : {}),
    };
  },

  async remove(_input, paths) {
    await stopMachine(paths);
    for (const file of [paths.rootDisk, `${paths.rootDisk}.part`, paths.firstBoot]) await rm(file, { force: true });
  },
};

/**
 * Must be called before each start of the machine. An interrupted first boot leaves only some of its results (keys,
 * users, units) on the disk, and cloud-init would not make the rest: so the disk is made again. It holds nothing of a
 * user.
 */
export async function beginBoot(input: RootDiskInput, paths: Paths): Promise<void> {
  const state = await readFile(paths.firstBoot, "utf8").catch(() => undefined);
  if (state === undefined) return;
  const [digest = "", begun] = state.split("\n");
  if (begun === BEGUN) {
    const image = await findImage(input);
    if (image.digest !== digest) {
      throw new Error(
        `the first boot on this root disk was cut short, and it cannot be made again: it was made from the image with digest ` +
          `${digest}, and cloister:baseImage "${input.baseImage}" is ${image.name} now (${image.digest}). Name the image ` +
          `that you want: pulumi config set cloister:baseImage ${image.name}`,
      );
    }
    say("the first boot on this root disk was cut short: the disk is made again");
    await make(image, input, paths);
  }
  await writeFile(paths.firstBoot, `${digest}\n${BEGUN}`);
}

/** Must be called when the machine was verified: by then its disks hold all results of the first boot. */
export async function endBoot(paths: Paths): Promise<void> {
  await rm(paths.firstBoot, { force: true });
}

const BEGUN = "begun";

function findImage({ architecture, baseImage }: RootDiskInput): Promise<BaseImage> {
  return ensureBaseImage({ arch: architecture, choice: baseImage, report: say });
}

async function make(image: BaseImage, { sizeGiB }: RootDiskInput, paths: Paths): Promise<void> {
  const partial = `${paths.rootDisk}.part`;
  await copyFile(image.path, partial, constants.COPYFILE_FICLONE);
  await execa("qemu-img", ["resize", "-q", "-f", "qcow2", partial, `${sizeGiB}G`]);
  await rename(partial, paths.rootDisk);
  await writeFile(paths.firstBoot, image.digest);
}
