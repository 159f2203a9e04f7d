/** The stacks on AWS that a change of these files concerns. */
export function stacksOf(changed: readonly string[], files: Readonly<Record<string, string>>): string[];
