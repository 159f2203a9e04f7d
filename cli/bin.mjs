#!/usr/bin/env node
// The command `cloister`, from anywhere: by its path, or by the link on PATH that `npm run install-command` makes. It runs from one
// bundled file (lib/run-bundled.cjs), which is made when a source has changed.
import { createRequire } from "node:module";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 11)) {
  console.error(`cloister: Node ${process.versions.node} is too old: install Node 20.11 or newer (https://nodejs.org)`);
  process.exit(1);
}
const { load } = createRequire(import.meta.url)("../lib/run-bundled.cjs");
// What is written to the standard error is for people: a slip of the code comes with its stack, all else is said by the program.
const { default: ended } = await load("cli/main.ts").catch((error) => {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  console.error(
    "cloister: the project's npm packages are not installed: run npm start, or npm ci, in the project's folder",
  );
  process.exit(1);
});
await ended;
