import { type Paths, pathsInState } from "../paths.ts";

/** Says one line to the person who waits; the engine shows it beside the resource. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * One step of the local target, run by a `command.local.Command`. Both halves may be repeated: `create` when all is there
 * already, and after a run that was killed; `remove` when nothing is left.
 */
export interface Step<Input> {
  /** Makes it so. What it returns becomes the resource's `stdout`. */
  create(input: Input, paths: Paths): Promise<string>;
  /** Takes it away. */
  remove(input: Input, paths: Paths): Promise<void>;
}

/** Where a step finds its input, as JSON. */
export const INPUT_VARIABLE = "CLOISTER_STEP_INPUT";

/** Runs one half of a step in this process; prints the result of `create` to stdout. */
export async function runStep<Input>(
  step: Step<Input>,
  half: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const text = env[INPUT_VARIABLE];
  if (text === undefined) throw new Error(`${INPUT_VARIABLE} is not set: steps are run by the Pulumi program only`);
  const input = JSON.parse(text) as Input & { root: string };
  const paths = pathsInState(input.root);
  if (half === "create") process.stdout.write(await step.create(input, paths));
  else if (half === "delete") await step.remove(input, paths);
  else throw new Error(`unknown half of a step: ${half}`);
}
