// Preloaded into the Pulumi program (`--import` in Pulumi.yaml's nodeargs): leaves out what @pulumi/pulumi loads at its
// start although only the serialization of functions (dynamic providers, cloud functions) uses it: the TypeScript
// compiler and npm's dependency resolver. They are loaded when something does use them. That takes two thirds off the
// time that importing the SDK costs. The same goes for the packages for tracing, and for V8's debugger.
// Nor does the SDK take down the stack at each promise, to show it where one is never settled: with a hundred machines that is
// a fifth of a preview. PULUMI_DEBUG_PROMISE_LEAKS=true brings it back.
// Nor does it send its debug messages to the engine, one after another and five for each resource, which shows them with `--debug`
// only: with a hundred machines that is a third of a preview. CLOISTER_SDK_DEBUG=true brings them back.
// Nor does it tell the engine from where in the program each resource was made, stack and all: of a bundled program that is a place in the bundle.
//
// It also leaves out source-map-support, which the SDK installs: the file names that it puts into stack traces
// (`node_modules/@pulumi/errors.ts`) send util.inspect of Node 20.20 into a loop of 15 seconds at every error, until memory
// for the text runs out. (So do Node's own source maps: do not switch them on.)
"use strict";
const Module = require("node:module");
const { withoutProxyToLoopback } = require("../lib/loopback.cjs");

// The SDK's first connection reads it.
Object.assign(process.env, withoutProxyToLoopback());

/** Packages that the SDK loads although it seldom uses them: for functions that are serialized, and for `--tracing`. */
const late = new Set([
  "typescript",
  "@npmcli/arborist",
  "@opentelemetry/exporter-zipkin",
  "@opentelemetry/instrumentation",
  "@opentelemetry/instrumentation-grpc",
  "@opentelemetry/resources",
  "@opentelemetry/sdk-trace-base",
  "@opentelemetry/sdk-trace-node",
]);
/** The same, of packages whose members the SDK's compiler would copy: for `package.yaml`, and for values of resources by reference. */
const lateNamespaces = new Set(["js-yaml", "semver"]);
const load = Module._load;

Module._load = function (request, parent, isMain) {
  const fromSdk = /[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "");
  if (fromSdk && request === "source-map-support/register") return {};
  if (fromSdk && /(^|[\\/])debuggable$/.test(request)) {
    return stackless(load.call(Module, request, parent, isMain), Module._resolveFilename(request, parent, isMain));
  }
  if (fromSdk && /(^|[\\/])log$/.test(request)) return quiet(load.call(Module, request, parent, isMain));
  if (fromSdk && /(^|[\\/])resource$/.test(request)) return placeless(load.call(Module, request, parent, isMain));
  if (fromSdk && /(^|[\\/])v8Hooks$/.test(request)) return hooks();
  if (fromSdk && lateNamespaces.has(request)) return lazily(() => load.call(Module, request, parent, isMain), true);
  if (fromSdk && late.has(request)) return lazily(() => load.call(Module, request, parent, isMain));
  return load.call(this, request, parent, isMain);
};

/** The SDK's module of log messages, without those for debugging. */
function quiet(log) {
  if (process.env.CLOISTER_SDK_DEBUG !== "true") log.debug = silent;
  return log;
}

const silent = async () => {};

/** The SDK's module of resources (there are others of its name), whose stacks are taken to be empty. */
function placeless(module) {
  if (module.Resource?.callsites) module.Resource.callsites = () => [];
  return module;
}

const leaks = Boolean(process.env.PULUMI_DEBUG_PROMISE_LEAKS);

/** The SDK's module that watches over promises: a promise that is never settled is counted, but not known by its stack. */
function stackless(debuggable, file) {
  const { debuggablePromise } = debuggable;
  if (leaks || debuggablePromise.stackless) return debuggable;
  const { getStore } = Module.createRequire(file)("./state");
  let first = true;
  debuggable.debuggablePromise = (promise, context) => {
    // Arranges for what is told when the program ends.
    if (first) {
      first = false;
      return debuggablePromise(promise, context);
    }
    const store = getStore();
    store.leakCandidates.add(promise);
    return promise.then(
      (value) => {
        store.leakCandidates.delete(promise);
        return value;
      },
      (error) => {
        store.leakCandidates.delete(promise);
        error.promise = promise;
        throw error;
      },
    );
  };
  debuggable.debuggablePromise.stackless = true;
  return debuggable;
}

let hooked;

/**
 * The SDK's connection to V8's debugger, by which functions that are serialized find their sources: made when the first
 * one is, and not at the start. Scripts that were read before it are told of as well, since it listens before it asks.
 */
function hooks() {
  const urls = new Map();
  let session;
  const connected = async () => {
    const { Session } = require("node:inspector");
    const made = new Session();
    made.connect();
    made.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    await new Promise((resolve, reject) => {
      made.post("Debugger.enable", (error) => (error ? reject(error) : resolve()));
    });
    return made;
  };
  hooked ??= {
    getSessionAsync: async () => {
      session ??= connected();
      return await session;
    },
    isInitializedAsync: async () => {},
    getScriptUrl: (id) => urls.get(id),
  };
  return hooked;
}

/**
 * Stands for a module that is loaded when something of it is first used.
 *
 * @param isNamespace the importing module takes it for one whose members need no copying
 */
function lazily(loadIt, isNamespace = false) {
  let loaded;
  const real = () => {
    loaded ??= loadIt();
    return loaded;
  };
  return new Proxy(() => {}, {
    // Asked at import already, to tell ES modules apart; none of these modules is one.
    get: (_target, key) => (key === "__esModule" ? isNamespace || undefined : real()[key]),
    has: (_target, key) => key in real(),
    apply: (_target, self, args) => Reflect.apply(real(), self, args),
    construct: (_target, args) => Reflect.construct(real(), args),
  });
}
