import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { execa } from "execa";
import { virtualSizeGiB } from "../host/disk-image.ts";
import { stopMachine } from "../host/process.ts";
import { type Step, say } from "./step.ts";

/**
 * The session disk: blank when it is made, formatted by the machine's first boot, kept when the machine is replaced. A
 * larger size grows it; a smaller one is refused, because data may be where the end is cut off.
 */
export const sessionDisk: Step<{ root: string; sizeGiB: number }, string> = {
  async create({ sizeGiB }, paths) {
    if (!existsSync(paths.sessionDisk)) {
      const partial = `${paths.sessionDisk}.part`;
      await execa("qemu-img", ["create", "-q", "-f", "qcow2", partial, `${sizeGiB}G`]);
      await rename(partial, paths.sessionDisk);
      return paths.sessionDisk;
    }
    const size = await virtualSizeGiB(paths.sessionDisk);
    if (sizeGiB < size) {
      throw new Error(
        `cloister:sessionDiskGiB is ${sizeGiB}, but the session disk has ${size} GiB and cannot shrink: write ${size} or more`,
      );
    }
    if (sizeGiB > size) {
      await stopMachine(paths);
      await execa("qemu-img", ["resize", "-q", "-f", "qcow2", paths.sessionDisk, `${sizeGiB}G`]);
      say(`the session disk grew from ${size} to ${sizeGiB} GiB`);
    }
    return paths.sessionDisk;
  },

  async remove(_input, paths) {
    await stopMachine(paths);
    await rm(paths.sessionDisk, { force: true });
    await rm(`${paths.sessionDisk}.part`, { force: true });
  },
};
