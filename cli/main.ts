import { CommanderError } from "commander";
import { codeOf, withCode } from "../contract/errors.ts";
import { neutral } from "../guest/lib/neutral.ts";
import { refusalOnCommandLine } from "../guest/run/options.ts";
import { RunRefused } from "../guest/sessions/request.ts";
import { watchStandardStreams } from "../lib/standard-streams.ts";
import { messageOf, OperatorError } from "./errors.ts";
import { operatorProgram } from "./program.ts";

watchStandardStreams();

/** This has no `await`: a bundle cannot have one at the top level (lib/run-bundled.cjs). */
export default operatorProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = fail(error);
  })
  // Standard input must not keep this process alive when nobody reads it any more.
  .then(() => void process.stdin.unref?.());

function fail(error: unknown): number {
  // Commander has printed its own messages, help among them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const code = codeOf(error);
  const text = error instanceof RunRefused ? refusalOnCommandLine(error) : withCode(messageOf(error), code);
  // Some errors hold words of a machine.
  process.stderr.write(`cloister: ${neutral(text)}\n`);
  if (error instanceof RunRefused || code === "CLOISTER_E_KEY") return 2;
  return error instanceof OperatorError ? error.exitCode : 1;
}
