import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { compress } from "../../../cloud-init/render.ts";
import type { Step } from "./step.ts";

/** The small disk from which cloud-init takes user data and meta-data (cloud-init, "NoCloud": label CIDATA). */
export const seed: Step<
  {
    root: string;
    /** This is text, so that a preview shows its differences; the machine gets it compressed. */
    userData: string;
    metaData: string;
  },
  string
> = {
  async create({ userData, metaData }, paths) {
    const dir = await mkdtemp(join(paths.root, ".seed-"));
    try {
      await writeFile(join(dir, "user-data"), compress(userData));
      await writeFile(join(dir, "meta-data"), metaData);
      const image = join(dir, "seed.iso");
      const files = ["user-data", "meta-data"].map((name) => join(dir, name));
      await execa("xorriso", ["-as", "mkisofs", "-quiet", "-V", "CIDATA", "-J", "-r", "-o", image, ...files]);
      await rename(image, paths.seed);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
    return paths.seed;
  },

  async remove(_input, paths) {
    await rm(paths.seed, { force: true });
  },
};
