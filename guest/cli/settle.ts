import { fail } from "./exit.ts";

/** Node's own code for a module that waits for what never comes. */
const NEVER_ENDED = 13;

/**
 * Waits for the command, and turns an error into its message and exit code. A command that neither ends nor fails, with
 * nothing left to wait for, must not look as if all were well.
 */
export function settle(command: Promise<unknown>): void {
  let ended = false;
  process.once("exit", () => {
    if (!ended) process.exitCode ||= NEVER_ENDED;
  });
  command
    .catch((error: unknown) => {
      process.exitCode = fail(error);
    })
    .finally(() => {
      ended = true;
    });
}
