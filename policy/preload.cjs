// Preloaded by `npm run preview` (NODE_OPTIONS). Pulumi's host for policy packs registers a transpiler of TypeScript,
// whatever the pack says: half of its start. This pack is plain JavaScript by then (main.cjs). In other processes this
// does nothing.
"use strict";
if (/[\\/]cmd[\\/]run-policy-pack$|[\\/]cmd[\\/]run-policy-pack[\\/]index\.js$/.test(process.argv[1] ?? "")) {
  const Module = require("node:module");
  require("../toolchain/lean-sdk.cjs");
  const load = Module._load;
  const stub = (request) => {
    if (/^typescript$|[\\/]vendor[\\/]typescript@/.test(request)) return { version: "5.0.0" };
    return /^ts-node$|[\\/]vendor[\\/]ts-node@/.test(request) ? { VERSION: "0", register() {} } : undefined;
  };
  Module._load = function (request, parent, isMain) {
    const fromSdk = /[\\/]@pulumi[\\/]pulumi[\\/](?:tsutils|cmd[\\/]run-policy-pack[\\/]run)\.js$/.test(
      parent?.filename ?? "",
    );
    return (fromSdk && stub(request)) || load.call(this, request, parent, isMain);
  };
}
