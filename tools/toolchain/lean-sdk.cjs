// Preloaded into the Pulumi program (`--require` in Pulumi.yaml's nodeargs): leaves out what @pulumi/pulumi loads at its
// start although only the serialization of functions (dynamic providers, cloud functions) uses it: the TypeScript
// compiler and npm's dependency resolver. They are loaded when something does use them. That takes two thirds off the
// time that importing the SDK costs.
//
// It also leaves out source-map-support, which the SDK installs: the file names that it puts into stack traces
// (`node_modules/@pulumi/errors.ts`) send util.inspect of Node 20.20 into a loop of 15 seconds at every error, until memory
// for the text runs out. (So do Node's own source maps: do not switch them on.)
"use strict";
const Module = require("node:module");

const late = new Set(["typescript", "@npmcli/arborist"]);
const load = Module._load;

Module._load = function (request, parent, isMain) {
  const fromSdk = /[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "");
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
