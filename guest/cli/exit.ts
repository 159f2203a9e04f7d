import { CommanderError } from "commander";
import { codeOf, withCode } from "../../contract/errors.ts";
import { refusalOnCommandLine } from "../run/options.ts";
import { RunRefused } from "../sessions/request.ts";

/** Exit codes of the command itself; a sealed command's own code is passed on. */
export const EXIT = { failed: 125, refused: 2 } as const;

export function say(line: string): void {
  process.stderr.write(`cloister: ${line}\n`);
}

/** Prints an error, with its code. @returns the exit code */
export function fail(error: unknown): number {
  // Commander has already printed its own messages, including the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.refused;
  if (error instanceof RunRefused) {
    say(refusalOnCommandLine(error));
    return EXIT.refused;
  }
  const code = codeOf(error);
  const internal = code === "CLOISTER_E_INTERNAL";
  if (!(error instanceof Error)) say(withCode(String(error), code));
  else say(withCode(internal ? (error.stack ?? error.message) : error.message, code));
  return code.startsWith("CLOISTER_E_KEY") ? EXIT.refused : EXIT.failed;
}
