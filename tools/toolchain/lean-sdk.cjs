// Preloaded into the Pulumi program (`--require` in Pulumi.yaml's nodeargs): leaves out what @pulumi/pulumi loads at its
// start although only the serialization of functions (dynamic providers, cloud functions) uses it: the TypeScript
// compiler and npm's dependency resolver. They are loaded when something does use them. That takes two thirds off the
// time that importing the SDK costs.
//
// It also mends the stack traces of the SDK's errors. Its source maps name files that are not where they say
// (`node_modules/@pulumi/errors.ts`), and such a path sends util.inspect of Node 20.20, when it colours the trace as the
// SDK asks it to, into a loop until memory for the text runs out: 15 seconds at every error of a program.
"use strict";
const Module = require("node:module");
const util = require("node:util");

const late = new Set(["typescript", "@npmcli/arborist"]);
const load = Module._load;

Module._load = function (request, parent, isMain) {
  const fromSdk = /[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "");
  // Node maps the lines itself (tsx switches that on).
  if (fromSdk && request === "source-map-support/register") return {};
  if (fromSdk && late.has(request)) return lazily(() => load.call(Module, request, parent, isMain));
  return load.call(this, request, parent, isMain);
};

/** Stands for a module that is loaded when something of it is first used. */
function lazily(loadIt) {
  let loaded;
  const real = () => {
    loaded ??= loadIt();
    return loaded;
  };
  return new Proxy(() => {}, {
    // Asked at import already, to tell ES modules apart; neither of these modules is one.
    get: (_target, key) => (key === "__esModule" ? undefined : real()[key]),
    has: (_target, key) => key in real(),
    apply: (_target, self, args) => Reflect.apply(real(), self, args),
    construct: (_target, args) => Reflect.construct(real(), args),
  });
}

util.inspect = new Proxy(util.inspect, {
  apply(inspect, self, [value, ...rest]) {
    if (util.types.isNativeError(value) && typeof value.stack === "string") {
      value.stack = value.stack.replace(/([\\/]node_modules[\\/]@pulumi[\\/])(?=[\w-]+\.ts:)/g, "$1pulumi/");
    }
    return Reflect.apply(inspect, self, [value, ...rest]);
  },
});
