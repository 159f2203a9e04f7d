export const STACK_FILE: RegExp;
/** Tells whether stacks are made of a file, given by its path from the project's folder. */
export function isOfProgram(file: string): boolean;
