/**
 * Enters the folder of this package, as Node finds it from the project of the program that uses it. No absolute path: it
 * would differ between computers, and each would see a change.
 */
export const ENTER_PACKAGE = `cd "$(node -p 'require("node:path").dirname(require.resolve("cloister/package.json"))')"`;
