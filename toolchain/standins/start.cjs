#!/usr/bin/env node
// Entry point of a stand-in, started by Pulumi: runs the bundle beside it, NAME.cjs, with what V8 compiled of it when the toolchain was
// made, NAME.v8: a quarter of a start. Another Node than the one that made it takes no notice of it.
"use strict";
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const { dirname } = require("node:path");
const vm = require("node:vm");

const bundle = `${fs.realpathSync(__filename)}.cjs`;
const compiled = bundle.replace(/cjs$/, "v8");
const cachedData = whole(compiled);
const text = fs.readFileSync(bundle, "utf8");
const script = new vm.Script(Module.wrap(text), { filename: bundle, ...(cachedData ? { cachedData } : {}) });
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, Module.createRequire(bundle), module_, bundle, dirname(bundle));

// `NAME --compile`, when the toolchain is made: once it serves, what was called is compiled.
if (process.argv[2] === "--compile") {
  setTimeout(() => {
    const data = script.createCachedData();
    fs.writeFileSync(compiled, Buffer.concat([Buffer.from(sha256(data)), data]));
    process.exit(0);
  }, 500);
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

/** V8 checks that the data is its own, and of this text, but not that it is whole: damaged data ends the process. */
function whole(file) {
  try {
    const content = fs.readFileSync(file);
    const data = content.subarray(64);
    return sha256(data) === content.toString("latin1", 0, 64) ? data : undefined;
  } catch {
    return undefined;
  }
}
