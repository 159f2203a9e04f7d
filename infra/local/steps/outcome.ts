/** How the program and a step talk to each other: both sides of it. */

/** Where a step finds its input, as JSON. */
export const INPUT_VARIABLE = "CLOISTER_STEP_INPUT";

/** What a step finds out: a text, or facts by name. */
export type StepOutcome = string | object;

/** As a resource's `stdout`: a text as it is, facts as JSON. */
export function writeOutcome(outcome: StepOutcome): string {
  return typeof outcome === "string" ? outcome : JSON.stringify(outcome);
}

/** Reads what {@link writeOutcome} wrote. No step finds out a text that begins with a brace. */
export function readOutcome<Result extends StepOutcome>(stdout: string): Result {
  return (stdout.startsWith("{") ? JSON.parse(stdout) : stdout) as Result;
}
