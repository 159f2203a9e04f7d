import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { execa } from "execa";
import type { Step } from "./step.ts";

/**
 * The key pair that leads into this stack's machine. The private half never leaves the folder, nor enters Pulumi's
 * state.
 */
export const sshKey: Step<{ root: string }, string> = {
  async create(_input, paths) {
    await mkdir(dirname(paths.sshKey), { recursive: true, mode: 0o700 });
    if (!existsSync(paths.sshKey) || !existsSync(`${paths.sshKey}.pub`)) {
      await rm(paths.sshKey, { force: true });
      await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", paths.sshKey]);
    }
    return (await readFile(`${paths.sshKey}.pub`, "utf8")).trim();
  },

  async remove(_input, paths) {
    await rm(dirname(paths.sshKey), { recursive: true, force: true });
  },
};
