import { type Chosen, reach } from "./chosen.ts";

/** `cloister shell`, also on a machine that boots. @returns the shell's exit code, where the transport tells it: SSM's does not, and says 0 */
export async function shell(chosen: Chosen): Promise<number> {
  const { transport } = await reach(chosen, "go");
  return await transport.shell();
}
