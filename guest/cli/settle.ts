import { fail } from "./exit.ts";

/** Node's own code for a module that waits for what never comes. */
const NEVER_ENDED = 13;

/** Milliseconds between looks at what keeps this process after its command. */
const LOOK_MS = 200;

/** What Node calls a name that is being looked up. */
const LOOKUP = "GetAddrInfoReqWrap";

/**
 * Waits for the command, and turns an error into its message and exit code. A command that neither ends nor fails, with
 * nothing left to wait for, must not look as if all were well. One that has ended waits for no name to be looked up.
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
      leaveLookups();
    });
}

/**
 * Node ends when all names that it looks up are found or given up. A session chooses them: a thousand, two at a time, at a
 * name server that does not answer, are more than an hour.
 */
function leaveLookups(): void {
  const timer = setInterval(() => {
    const isTold = process.stdout.writableLength === 0 && process.stderr.writableLength === 0;
    if (isTold && process.getActiveResourcesInfo().includes(LOOKUP)) process.exit();
  }, LOOK_MS);
  timer.unref();
}
