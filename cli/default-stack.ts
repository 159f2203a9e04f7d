import { isBackendChosen, ownStacks, projectFolder } from "../toolchain/own-backend.ts";

/**
 * The stack that is meant where none is named: the only one of the project's own backend. Undefined when there are none
 * or several, or when the user has chosen another backend: which stack is meant there cannot be told without asking it.
 */
export function defaultStack(
  env: NodeJS.ProcessEnv = process.env,
  project: string = projectFolder,
): string | undefined {
  if (isBackendChosen(env)) return undefined;
  const [only, ...others] = ownStacks(project);
  return others.length === 0 ? only : undefined;
}
