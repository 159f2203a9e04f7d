#!/usr/bin/env node
// The command `cloister`, from anywhere: by its path, or by the link on PATH that `npm run install-command` makes. It runs from one
// bundled file (lib/run-bundled.cjs), which is made when a source has changed. Old versions of Node must be able to read this file,
// so that they can be told: no `await` outside of functions, and no `node:` before a module's name.
// biome-ignore lint/style/useNodejsImportProtocol: unknown to old versions of Node
import { createRequire } from "module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 11)) {
  console.error(`cloister: Node ${process.versions.node} is too old: install Node 20.11 or newer (https://nodejs.org)`);
  process.exit(1);
}
const { load } = createRequire(import.meta.url)("../lib/run-bundled.cjs");
// Node tells this by itself of an `await` only.
let ended = false;
process.once("exit", (code) => {
  if (!ended && code === 0) process.exitCode = 13;
});
load("cli/main.ts")
  .catch((error) => {
    // What is written to the standard error is for people: a slip of the code comes with its stack, all else is said by the program.
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    console.error(
      "cloister: the project's npm packages are not installed: run npm start, or npm ci, in the project's folder",
    );
    process.exit(1);
  })
  .then((program) => program.default)
  .then(() => {
    ended = true;
  });
