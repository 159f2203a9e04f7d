/** Both sides of the exchange between the program and a step. */

/** The variable in which a step finds its input, as JSON. */
export const INPUT_VARIABLE = "CLOISTER_STEP_INPUT";

/** The result of a step: a text, or facts by name. */
export type StepOutcome = string | object;

/** Writes a resource's `stdout`: a text as it is, facts as JSON. */
export function writeOutcome(outcome: StepOutcome): string {
  return typeof outcome === "string" ? outcome : JSON.stringify(outcome);
}

/** Reads the text that {@link writeOutcome} wrote. No step returns a text that begins with a brace. */
export function readOutcome<Result extends StepOutcome>(stdout: string): Result {
  return (stdout.startsWith("{") ? JSON.parse(stdout) : stdout) as Result;
}
