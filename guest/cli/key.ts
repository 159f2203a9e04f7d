import { rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import type { ErrorCode } from "../../contract/errors.ts";
import { readMachine } from "../../contract/machine.ts";
import { clearKey, KEY_REFUSED, keyStatus, parseKey, writeKey } from "../agent/model-key.ts";
import { say } from "./exit.ts";

/** The key cannot be set or taken away here. */
class KeyRefused extends Error {
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode) {
    super(message);
    this.name = "KeyRefused";
    this.code = code;
  }
}

/**
 * Registers `cloister key set|status|clear`: the key for the model's API. The key is only ever read from standard
 * input.
 *
 * @param whose `machine`, or `container`, which has no description and no secret
 */
export function registerKey(program: Command, whose = "machine"): void {
  const key = program
    .command("key")
    .description(`The key for the model's API. It is in memory until the ${whose} ends.`);
  key
    .command("set")
    .description("Reads the key from standard input. Sessions that run have it from their next request on.")
    .action(async () => {
      if (whose === "machine") await refuseSecret();
      await writeKey(parseKey(await text(process.stdin), "standard input"));
      await rm(KEY_REFUSED, { force: true });
      say(`the key is set; it is gone when the ${whose} starts again`);
    });
  key
    .command("status")
    .description("Says whether there is a key, and nothing of it. Exit code 1 when there is none.")
    .option("--json", "prints JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const status = await keyStatus();
      const words = status.refused ? "set, and the model's API has refused it" : "set";
      const line = status.key === "set" ? words : "none: the scripted demo model answers";
      process.stdout.write(`${json ? JSON.stringify(status) : line}\n`);
      process.exitCode = status.key === "set" ? 0 : 1;
    });
  key
    .command("clear")
    .description("Takes the key away.")
    .action(async () => {
      if (whose === "machine") await refuseSecret();
      await clearKey();
      await rm(KEY_REFUSED, { force: true });
      say("there is no key any more");
    });
}

async function refuseSecret(): Promise<void> {
  const { aws } = await readMachine().catch((error: Error) => {
    throw new KeyRefused(error.message, "CLOISTER_E_MACHINE");
  });
  // The key from the secret would replace a key that is set here.
  if (aws?.modelKeySecret === undefined) return;
  throw new KeyRefused(
    `this machine takes the key from the secret ${aws.modelKeySecret}: from your computer, run cloister --stack ${aws.stack} key set (or clear)`,
    "CLOISTER_E_KEY_ELSEWHERE",
  );
}
