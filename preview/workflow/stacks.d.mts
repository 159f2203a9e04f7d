/** The stacks that may be on AWS, and that a change of these files concerns. Of a file: its texts now and at the base. */
export function stacksOf(changed: readonly string[], files: Readonly<Record<string, string | readonly string[]>>): string[];
