/** Which files stacks are made of. Plain JavaScript without packages, for the workflows' first job. */

/** Files that no stack is made of. */
const NOT_DEPLOYED =
  /^(?:docs|test|examples|tools|rehearsal|\.github|preview|policy)\/|\.md$|^LICENSE$|^promotion\.yaml$/;
export const STACK_FILE = /^Pulumi\.([A-Za-z0-9_-]+)\.yaml$/;

/**
 * Tells whether stacks are made of a file: of the program, and not of a stack's own file or of what is not deployed.
 *
 * @param {string} file path from the project's folder
 */
export const isOfProgram = (file) => !STACK_FILE.test(file) && !NOT_DEPLOYED.test(file);
