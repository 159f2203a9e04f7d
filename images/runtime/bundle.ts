import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { VERSION } from "../../contract/version.ts";

const GUEST = join(import.meta.dirname, "../../guest");

/**
 * Packages that the guest imports and never uses. Half of a start is reading and compiling the bundle, and on an emulated
 * machine a start takes seconds: without these it is half the size.
 */
const UNUSED: Readonly<Record<string, { readonly filter: RegExp; readonly contents: string }>> = {
  // zod's messages in 50 languages; English is imported by itself.
  locales: { filter: /^\.\.\/locales\/index\.js$/, contents: "export {};" },
  // sandbox-runtime makes certificates with it when it terminates TLS. cloister's proxy does not; if it did, it must fail.
  forge: {
    filter: /^node-forge$/,
    contents:
      'const missing = () => { throw new Error("node-forge is not part of the runtime image"); };' +
      "const part = new Proxy({}, { get: () => missing });" +
      "export default { asn1: part, pki: part, md: part, random: part, util: part };",
  },
};

const leaveOut: Plugin = {
  name: "leave-out",
  setup(build) {
    for (const [name, { filter, contents }] of Object.entries(UNUSED)) {
      build.onResolve({ filter }, ({ importer }) =>
        name === "locales" && !/[\\/]zod[\\/]/.test(importer) ? undefined : { path: name, namespace: "left-out" },
      );
      build.onLoad({ filter: new RegExp(`^${name}$`), namespace: "left-out" }, () => ({ contents, loader: "js" }));
    }
  },
};

/** Without what a start would spend half a second on, on an emulated machine, and not use. */
const quickStart: Plugin = {
  name: "quick-start",
  setup(build) {
    // An `import` of node:http asks for each of its exports. One is a getter, which loads Node's WebSocket and fetch.
    build.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === "import-statement" ? { path: "http", namespace: "required" } : { path: "node:http", external: true },
    );
    build.onLoad({ filter: /^http$/, namespace: "required" }, () => ({
      contents: 'module.exports = require("node:http");',
      loader: "js",
    }));
  },
};

/** Reads YAML, which only runs with a policy file need: a module of its own, loaded when it is asked for. */
const policyApart: Plugin = {
  name: "policy-apart",
  setup(build) {
    build.onResolve({ filter: /\/policy\/read\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./policy.mjs", external: true } : undefined,
    );
  },
};

/** The modules of a machine. */
const MACHINE_MODULES = {
  cloister: join(GUEST, "cli/main.ts"),
  aws: join(GUEST, "aws/main.ts"),
  logs: join(GUEST, "aws/logs/main.ts"),
  policy: join(GUEST, "policy/read.ts"),
};

/**
 * Bundles the guest's code into one module, `cloister.mjs`: one file to read at start instead of hundreds. What only
 * machines on AWS run has modules of its own, so that no other start reads AWS's SDK.
 * Deterministic: esbuild's output depends on its version and the sources alone.
 *
 * @param outdir folder that gets `cloister.mjs`, `aws.mjs`, `logs.mjs` and `policy.mjs`
 * @param entryPoints other modules than these, by name
 */
export async function bundleGuest(
  outdir: string,
  entryPoints: Readonly<Record<string, string>> = MACHINE_MODULES,
): Promise<void> {
  await build({
    entryPoints: { ...entryPoints },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    // As modules, AWS's clients leave out what is not used: 330 KB instead of 540 for the three calls that are.
    mainFields: ["module", "main"],
    target: "node22",
    format: "esm",
    minify: true,
    // Errors must name our functions.
    keepNames: true,
    legalComments: "none",
    logLevel: "silent",
    plugins: [leaveOut, quickStart, policyApart],
    define: { __CLOISTER_VERSION__: JSON.stringify(VERSION) },
    // Packages written for CommonJS call `require`, which a module does not have by itself.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}
