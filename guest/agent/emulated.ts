import { tryRun } from "../sessions/exec.ts";

/** Whether QEMU emulates the processor, as systemd-detect-virt(1) tells it: `qemu` without acceleration, else `kvm`. */
export async function isEmulated(): Promise<boolean> {
  return (await tryRun(["systemd-detect-virt", "--vm"])).stdout.trim() === "qemu";
}
