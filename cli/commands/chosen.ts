import { chooseMachine } from "../choose.ts";
import type { MachineStatus } from "../fleet.ts";
import { readStack } from "../stack.ts";
import { fleetOf } from "../targets.ts";
import type { Transport } from "../transport.ts";

/** What a command is about, as it was written. */
export interface Chosen {
  readonly stack: string;
  /** @default the stack's only machine */
  readonly machine?: string;
}

/** Finds the machine that is meant, and the way to it. */
export async function reach({ stack, machine }: Chosen): Promise<{ machine: MachineStatus; transport: Transport }> {
  const fleet = await fleetOf(await readStack(stack));
  const found = await chooseMachine(fleet, stack, machine);
  return { machine: found, transport: await fleet.connect(found) };
}
