import { mkdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { userId } from "../../../lib/home.cjs";
import { stopMachine } from "../host/process.ts";
import { makeStateFolderOurs } from "../state-folder.ts";
import { type Step, say } from "./step.ts";

/** The folder in which everything else of the machine lives. Only this user may look inside. */
export const stateDirectory: Step<{ root: string }, string> = {
  async create(_input, paths) {
    await mkdir(paths.root, { recursive: true, mode: 0o700 });
    // One that was there before, as one that cloister:stateDirectory names, may be open to others: disks and logs in it are
    // made with modes by which they could read them.
    const { uid } = await stat(paths.root);
    const us = userId();
    if (uid !== us && us !== 0) {
      throw new Error(
        `${paths.root} belongs to another user, who could read and change the machine's disks: name another`,
      );
    }
    if (await makeStateFolderOurs(paths.root)) say(`${paths.root} was open to other users: now it is yours alone`);
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
