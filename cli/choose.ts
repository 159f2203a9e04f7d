import { nearest } from "../contract/nearest.ts";
import { OperatorError, UsageError } from "./errors.ts";
import type { Fleet, MachineStatus } from "./fleet.ts";

/** An error lists at most this many names. */
const SHOWN = 10;

/**
 * Finds the machine of this name or, without a name, the only machine.
 *
 * @param settle gets the machine before its state is judged, and may wait until it has booted. When the machine that it
 *   returns still boots, the caller wants to reach it as it is
 * @throws UsageError when no machine has this name (the message suggests the nearest one), or when there are several
 *   machines and no name
 * @throws OperatorError when the machine does not run (with what to do)
 */
export async function chooseMachine(
  fleet: Fleet,
  stack: string,
  name: string | undefined,
  settle?: (machine: MachineStatus) => Promise<MachineStatus>,
): Promise<MachineStatus> {
  const [asked] = name === undefined ? [] : await fleet.machines(name);
  const found = asked ?? pick(await fleet.machines(), stack, name);
  const machine = settle === undefined ? found : await settle(found);
  if (machine.state === "running" || (settle !== undefined && machine.state === "booting")) return machine;
  throw new OperatorError(
    `the machine ${machine.name} of the stack ${stack} is ${machine.state}.${machine.help ? ` ${machine.help}` : ""}`,
    { code: "CLOISTER_E_NOT_RUNNING" },
  );
}

function pick(machines: readonly MachineStatus[], stack: string, name: string | undefined): MachineStatus {
  const [first, ...others] = machines;
  const found = name === undefined ? undefined : machines.find((machine) => machine.name === name);
  if (found) return found;
  if (!first) {
    throw new OperatorError(`the stack ${stack} has no machines at the moment.`, { code: "CLOISTER_E_NO_MACHINE" });
  }
  const names = machines.map((machine) => machine.name);
  const all = `${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`;
  if (name !== undefined) {
    const close = nearest(name, names);
    throw new UsageError(
      `the stack ${stack} has no machine ${name}. ${close ? `Did you mean ${close}? ` : ""}There are: ${all}.`,
      { code: "CLOISTER_E_NO_MACHINE" },
    );
  }
  if (others.length > 0) {
    throw new UsageError(`the stack ${stack} has ${machines.length} machines: name one with --machine (${all}).`, {
      code: "CLOISTER_E_WHICH_MACHINE",
    });
  }
  return first;
}
