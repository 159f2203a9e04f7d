// Runs the pack in place of Pulumi's own host for policy packs (@pulumi/pulumi/cmd/run-policy-pack), which loads Pulumi's SDK
// and gRPC a second time, beside those of the pack's bundle: half of the pack's start. As that host does, it tells what
// nobody caught, and ends the process with the code that stands for "was told".
"use strict";
const { join } = require("node:path");

/** The engine's language host knows this code (@pulumi/pulumi/cmd/run-policy-pack, index.ts). */
const TOLD = 32;

const untold = new Set();

/** The code with which a pack ends that does not serve, where the process's own code is this one. */
exports.endCode = (code = 0) => (code === 0 && untold.size > 0 ? TOLD : code);

exports.host = function host() {
  const tell = (error) => {
    // One error may come as an exception, and again as a promise that nobody waits for.
    if (untold.has(error)) return;
    untold.add(error);
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(`Running program '${__dirname}' failed with an unhandled exception:\n    ${text}`);
  };
  process.on("uncaughtException", tell);
  process.on("unhandledRejection", tell);
  process.on("exit", (code) => {
    process.exitCode = exports.endCode(code);
  });
  process.argv = process.argv.slice(0, 2);
  require(join(__dirname, "main.cjs"));
};
