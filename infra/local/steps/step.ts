import { statSync } from "node:fs";
import { userId } from "../../../lib/home.cjs";
import { type Paths, pathsInState } from "../paths.ts";
import { makeStateFolderOurs } from "../state-folder.ts";
import { INPUT_VARIABLE, type StepOutcome, writeOutcome } from "./outcome.ts";

export type { StepOutcome };

/** Says one line to the person who waits; the engine shows it beside the resource. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * One step of the local target, run by a `command.local.Command`. Both halves must work when they are repeated:
 * `create` when everything is there already, and after a run that was killed; `remove` when nothing is left.
 */
export interface Step<Input, Result extends StepOutcome> {
  /** Makes the step's result. The returned value becomes the resource's `stdout`: see {@link writeOutcome}. */
  create(input: Input, paths: Paths): Promise<Result>;
  /** Removes the result. */
  remove(input: Input, paths: Paths): Promise<void>;
}

/** Runs one half of a step in this process; prints the result of `create` to stdout. */
export async function runStep<Input, Result extends StepOutcome>(
  step: Step<Input, Result>,
  half: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const text = env[INPUT_VARIABLE];
  if (text === undefined) throw new Error(`${INPUT_VARIABLE} is not set: steps are run by the Pulumi program only`);
  const input = JSON.parse(text) as Input & { root: string };
  const paths = pathsInState(input.root);
  if (half === "create") {
    await closeEarlier(paths);
    process.stdout.write(writeOutcome(await step.create(input, paths)));
  } else if (half === "delete") await step.remove(input, paths);
  else throw new Error(`unknown half of a step: ${half}`);
}

/** A stack of an earlier version may have an open folder, in which others could put links in the way of what a step writes. */
async function closeEarlier({ root }: Paths): Promise<void> {
  // Where there is none, or one of another user's, its own step (state-directory.ts) makes it or says so.
  if (statSync(root, { throwIfNoEntry: false })?.uid === userId()) await makeStateFolderOurs(root);
}
