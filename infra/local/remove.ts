import { stopMachine } from "./host/process.ts";
import type { Paths } from "./paths.ts";
import { machine } from "./steps/machine.ts";
import { rootDisk } from "./steps/root-disk.ts";
import { runtimeDisk } from "./steps/runtime-disk.ts";
import { seed } from "./steps/seed.ts";
import { sessionDisk } from "./steps/session-disk.ts";
import { sshKey } from "./steps/ssh-key.ts";
import { stateDirectory } from "./steps/state-directory.ts";
import type { Step, StepOutcome } from "./steps/step.ts";

/**
 * Ends a folder's machine and removes all that a local stack consists of, as its destruction does, without Pulumi. Nothing else
 * in the folder is touched.
 */
export async function removeMachine(paths: Paths): Promise<void> {
  await stopMachine(paths, 0);
  const steps: readonly Step<never, StepOutcome>[] = [
    machine,
    sessionDisk,
    rootDisk,
    seed,
    runtimeDisk,
    sshKey,
    stateDirectory,
  ];
  for (const step of steps) await step.remove(undefined as never, paths);
}
