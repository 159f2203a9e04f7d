import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { stopMachine } from "../host/process.ts";
import type { Step } from "./step.ts";

/** The folder in which everything else of the machine lives. Only this user may look inside. */
export const stateDirectory: Step<{ root: string }, string> = {
  async create(_input, paths) {
    await mkdir(paths.root, { recursive: true, mode: 0o700 });
    return paths.root;
  },

  async remove(_input, paths) {
    // A run that was killed may have left a machine that no resource knows of.
    await stopMachine(paths, 0);
    const ours = [paths.console, paths.qemuLog, paths.verification, paths.firmwareVariables, paths.process, paths.pid];
    for (const file of ours) await rm(file, { force: true });
    await rm(paths.firstSession, { recursive: true, force: true });
    // Other files in the folder are not ours: we do not remove them.
    await rmdir(paths.root).catch(ignore("ENOENT", "ENOTEMPTY"));
    await rmdir(dirname(paths.control)).catch(ignore("ENOENT", "ENOTEMPTY", "EBUSY", "EACCES", "EPERM"));
  },
};

function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (!codes.includes(error.code ?? "")) throw error;
  };
}
