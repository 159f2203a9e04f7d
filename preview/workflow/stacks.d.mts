/** The stacks on AWS that a change of these files concerns. */
export function stacksOf(changed: readonly string[], files: Readonly<Record<string, string>>): string[];
/** Tells whether stacks are made of a file, given by its path from the project's folder. */
export function isOfProgram(file: string): boolean;
