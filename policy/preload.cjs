// Preloaded by `npm run preview` (NODE_OPTIONS). Pulumi's host for policy packs loads Pulumi's SDK, and a transpiler of
// TypeScript whatever the pack says: two thirds of the pack's start. For this pack, which brings its own SDK in one bundle,
// host.cjs is run instead, or the pack that was started ahead is taken. Another pack's host is loaded without the transpiler. In
// other processes this does nothing.
"use strict";
if (/[\\/]cmd[\\/]run-policy-pack$|[\\/]cmd[\\/]run-policy-pack[\\/]index\.js$/.test(process.argv[1] ?? "")) {
  const fs = require("node:fs");
  const Module = require("node:module");
  const ahead = process.env.CLOISTER_POLICY_AHEAD;
  const prepare = () => {
    require("../toolchain/lean-sdk.cjs");
    // The space for new objects grows at once and not in steps: collecting garbage is a sixth of the pack's time else.
    require("node:v8").setFlagsFromString("--semi-space-growth-factor=16");
  };
  const host = () => {
    prepare();
    return require("./host.cjs").host();
  };
  const isThisPack = () => {
    // The host's arguments: the engine's address, and the pack's folder. With others it is left to itself.
    const [, , , folder = "", ...more] = process.argv;
    try {
      return more.length === 0 && fs.realpathSync(folder) === __dirname && fs.realpathSync(process.cwd()) === __dirname;
    } catch {
      return false;
    }
  };
  const isOurs = isThisPack();
  if (!isOurs) prepare();
  const load = Module._load;
  const stub = (request) => {
    if (/^typescript$|[\\/]vendor[\\/]typescript@/.test(request)) return { version: "5.0.0" };
    return /^ts-node$|[\\/]vendor[\\/]ts-node@/.test(request) ? { VERSION: "0", register() {} } : undefined;
  };
  Module._load = function (request, parent, isMain) {
    if (isMain && isOurs) {
      Module._load = load;
      return ahead ? require("./take.cjs").take(ahead, host) : host();
    }
    const fromSdk = /[\\/]@pulumi[\\/]pulumi[\\/](?:tsutils|cmd[\\/]run-policy-pack[\\/]run)\.js$/.test(
      parent?.filename ?? "",
    );
    return (fromSdk && stub(request)) || load.call(this, request, parent, isMain);
  };
}
