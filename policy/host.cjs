// Runs the pack in place of Pulumi's own host for policy packs (@pulumi/pulumi/cmd/run-policy-pack), which loads Pulumi's SDK
// and gRPC a second time, beside those of the pack's bundle: half of the pack's start. As that host does, it tells what
// nobody caught, and ends the process with the code that stands for "was told".
"use strict";
const { join } = require("node:path");

/** The engine's language host knows this code (@pulumi/pulumi/cmd/run-policy-pack, index.ts). */
const TOLD = 32;

exports.host = function host() {
  const untold = new Set();
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
    if (code === 0 && untold.size > 0) process.exitCode = TOLD;
  });
  process.argv = process.argv.slice(0, 2);
  require(join(__dirname, "main.cjs"));
};
