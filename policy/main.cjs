// Entry point for Pulumi's policy host. The rules are loaded from one bundled file, as the program is
// (lib/run-bundled.cjs), with the policy SDK and what it uses of Pulumi's.
"use strict";
require("../toolchain/lean-sdk.cjs");
const { load } = require("../lib/run-bundled.cjs");

const seldom = ["@aws-sdk", "esbuild", "openpgp", "typescript", "@npmcli/arborist"];
/** By then a preview is under way, and most functions were called once; a quick one ends before two seconds. Milliseconds. */
const KEEP_AFTER = 1000;

load("policy/pack.ts", [], seldom, KEEP_AFTER).catch((error) => {
  console.error(`policy pack: ${error.message}`);
  process.exitCode = 1;
});
