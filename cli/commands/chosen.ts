import { chooseMachine } from "../choose.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import { readStack, type Stack } from "../stack.ts";
import { fleetOf } from "../targets.ts";
import type { Transport } from "../transport.ts";
import { waitForBoot } from "./wait.ts";

/** The stack and the machine that a command is about, as they were written. */
export interface Chosen {
  readonly stack: string;
  /** @default the stack's only machine */
  readonly machine?: string;
}

/** A machine that was found, and a transport to it. */
export interface Reached {
  readonly stack: Stack;
  readonly machine: MachineStatus;
  readonly transport: Transport;
}

/**
 * Finds the machine that is meant, and opens a transport to it.
 *
 * @param booting `wait` until a machine that boots is ready; `go`: reach it as it is, to look at its boot
 */
export async function reach({ stack, machine }: Chosen, booting: "wait" | "go" = "wait"): Promise<Reached> {
  const read = await readStack(stack);
  const fleet: Fleet = await fleetOf(read);
  const found = await chooseMachine(
    fleet,
    stack,
    machine,
    booting === "wait" ? waitForBoot(fleet) : async (one) => one,
  );
  return { stack: read, machine: found, transport: await fleet.connect(found) };
}
