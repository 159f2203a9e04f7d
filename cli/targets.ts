import type { Fleet } from "./fleet.ts";
import type { Stack } from "./stack.ts";

/** The machines of a stack; each target is loaded when it is needed. */
export async function fleetOf(stack: Stack): Promise<Fleet> {
  if (stack.outputs.target === "local") return (await import("./local/fleet.ts")).localFleet(stack.name, stack.outputs);
  if (stack.outputs.target === "container") {
    return (await import("./container/fleet.ts")).containerFleet(stack.name, stack.outputs);
  }
  return (await import("./aws/fleet.ts")).awsFleet(stack.name, stack.outputs);
}
