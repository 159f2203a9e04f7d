import { setTimeout as sleep } from "node:timers/promises";
import { nearest } from "../../contract/nearest.ts";
import { UsageError } from "../errors.ts";
import { readStack } from "../stack.ts";

/** `cloister refresh POOL`: replaces the machines of a pool that are made from an old template. @returns 0 */
export async function refresh(stack: string, pool: string, options: { readonly restart?: boolean }): Promise<number> {
  const { outputs } = await readStack(stack);
  if (outputs.target !== "aws")
    throw new UsageError(`the stack ${stack} is local, and has no pools. A machine there is renewed by npm start.`);
  const groups = outputs.pools[pool]?.groups;
  if (groups === undefined) {
    const names = Object.keys(outputs.pools);
    const close = nearest(pool, names);
    throw new UsageError(
      `the stack ${stack} has no pool ${pool}. ${close ? `Did you mean ${close}? ` : ""}${names.length > 0 ? `There are: ${names.join(", ")}.` : "It has none."}`,
    );
  }
  const { AutoScalingClient } = await import("@aws-sdk/client-auto-scaling");
  const { clientSettings } = await import("../aws/clients.ts");
  const { asked } = await import("../aws/errors.ts");
  const { refreshGroup } = await import("../aws/refresh.ts");
  const client = new AutoScalingClient(clientSettings(outputs.region));
  for (const { group } of groups) {
    await asked(`no refresh of ${group}`, () =>
      refreshGroup(client, group, {
        ...options,
        say: (line) => void process.stderr.write(`cloister: ${line}\n`),
        wait: async (ms) => await sleep(ms),
      }),
    );
  }
  return 0;
}
