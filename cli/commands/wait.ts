import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";

/**
 * The longest time for a boot, in milliseconds. An emulated boot takes one to three minutes, one on AWS about a minute.
 */
const PATIENCE_MS = 600_000;

/** States of a machine that will soon run by itself: a local machine's, then EC2's. */
const ON_ITS_WAY = ["booting", "pending"];

export const isBooting = ({ state }: MachineStatus): boolean => ON_ITS_WAY.includes(state);

/** Waits for a machine that boots, and says so. Returns the machine's new state, also when the boot failed. */
export function waitForBoot(
  fleet: Pick<Fleet, "machines">,
  { say = toStandardError, pollMs = 1_000, patienceMs = PATIENCE_MS, repeatMs = 15_000 } = {},
): (machine: MachineStatus) => Promise<MachineStatus> {
  return async (machine) => {
    const begun = Date.now();
    let now = machine;
    let told = "";
    let toldAt = 0;
    while (isBooting(now)) {
      const waited = Date.now() - begun;
      if (waited > patienceMs) {
        throw new OperatorError(
          `the machine ${now.name} still boots after ${Math.round(waited / 1000)} s: ${now.verification.by}`,
          { code: "CLOISTER_E_BOOT_TIMEOUT" },
        );
      }
      const line = `the machine ${now.name} boots, waiting for it: ${now.verification.by}`;
      if (line !== told || waited - toldAt > repeatMs)
        say(waited < 1_000 ? line : `${line} (${Math.round(waited / 1000)} s)`);
      if (line !== told || waited - toldAt > repeatMs) [told, toldAt] = [line, waited];
      await sleep(pollMs);
      now = (await fleet.machines(now.name))[0] ?? now;
    }
    return now;
  };
}

function toStandardError(line: string): void {
  process.stderr.write(`cloister: ${line}\n`);
}
