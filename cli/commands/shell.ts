import { type Chosen, reach } from "./chosen.ts";

/**
 * `cloister shell`: works also on a machine that still boots.
 *
 * @returns the shell's exit code; always 0 over SSM, which does not tell it
 */
export async function shell(chosen: Chosen): Promise<number> {
  const { transport } = await reach(chosen, "go");
  return await transport.shell();
}
