import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuildOptions, build, type Plugin, transform } from "esbuild";
import { RUN_FILES } from "../../contract/run-files.ts";
import { VERSION } from "../../contract/version.ts";

const PROJECT = join(import.meta.dirname, "../..");
const GUEST = join(PROJECT, "guest");

/** An entry point without the path of the project: a star in it would be a pattern to esbuild. */
const entryPoint = (file: string): string => `./${relative(PROJECT, file)}`;

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
      kind === "dynamic-import" ? { path: "./policy.cjs", external: true } : undefined,
    );
  },
};

/**
 * Modules of Node's and of packages' that most runs never use: loaded when something of them is asked for. The first two
 * take a tenth of a start.
 */
const LATE: readonly { readonly filter: RegExp; readonly importer?: RegExp }[] = [
  { filter: /^(node:)?(tls|https)$/ },
  // zod's schemas of a whole configuration, of which one judges the entries of an allow list.
  { filter: /\/sandbox-config\.js$/, importer: /[\\/]egress[\\/]policy\.ts$/ },
];

const late: Plugin = {
  name: "late",
  setup(build) {
    for (const { filter, importer } of LATE) {
      build.onResolve({ filter }, async ({ path, kind, resolveDir, importer: from, pluginData }) => {
        if (kind !== "import-statement" || pluginData === late || (importer && !importer.test(from))) return undefined;
        const found = await build.resolve(path, { kind: "require-call", resolveDir, pluginData: late });
        return { path: found.path, namespace: "late", pluginData: { resolveDir } };
      });
    }
    // Names are looked up in the prototype each time, also by what esbuild makes of an import.
    build.onLoad({ filter: /.*/, namespace: "late" }, ({ path, pluginData }) => ({
      contents: `const get = (_, name) => (name === "__esModule" ? undefined : require(${JSON.stringify(path)})[name]);
        module.exports = Object.create(new Proxy({}, { get }));`,
      loader: "js",
      resolveDir: pluginData.resolveDir,
    }));
  },
};

/** A program that is started again and again. */
export interface Program {
  readonly entry: string;
  /**
   * Commands at whose end what was compiled is kept. On a machine that is the verification: it makes a session as every run
   * does, and is no supervisor, which must not write what other programs of root's run.
   */
  readonly keptAfter: readonly string[];
}

/** The services of a machine on AWS. */
const AWS_SERVICES = { aws: join(GUEST, "aws/main.ts"), logs: join(GUEST, "aws/logs/main.ts") };

const COMMON: BuildOptions = {
  absWorkingDir: PROJECT,
  bundle: true,
  platform: "node",
  // As modules, AWS's clients leave out what is not used: 330 KB instead of 540 for the three calls that are.
  mainFields: ["module", "main"],
  target: "node22",
  minify: true,
  // Errors must name our functions.
  keepNames: true,
  legalComments: "none",
  logLevel: "silent",
  define: { __CLOISTER_VERSION__: JSON.stringify(VERSION) },
};

const SCRIPT: BuildOptions = {
  ...COMMON,
  outExtension: { ".js": ".cjs" },
  format: "cjs",
  plugins: [leaveOut, late, quickStart, policyApart],
  // Node warns of a script that imports.
  supported: { "dynamic-import": false },
  define: { ...COMMON.define, "import.meta.url": "__importMetaUrl" },
  banner: { js: '"use strict"; const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
};

/**
 * Bundles the guest's code: the program `cloister`, and modules for what only some starts need, such as AWS's SDK.
 * Deterministic: esbuild's output depends on its version and the sources alone.
 *
 * @param outdir folder that gets `cloister.cjs`, `cloister-program.cjs`, `policy.cjs`, `aws.mjs` and `logs.mjs`
 */
export async function bundleGuest(outdir: string): Promise<void> {
  await Promise.all([
    bundleProgram(outdir, "cloister", { entry: join(GUEST, "cli/main.ts"), keptAfter: ["verify"] }),
    build({ ...SCRIPT, entryPoints: { policy: entryPoint(join(GUEST, "policy/read.ts")) }, outdir }),
    bundleModules(outdir, AWS_SERVICES),
  ]);
}

/** Bundles entry points, by name, into one module each: one file to read at start instead of hundreds. */
export async function bundleModules(outdir: string, entryPoints: Readonly<Record<string, string>>): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: Object.fromEntries(Object.entries(entryPoints).map(([name, file]) => [name, entryPoint(file)])),
    outdir,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    plugins: [leaveOut, quickStart],
    // Packages written for CommonJS call `require`, which a module does not have by itself.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}

/**
 * Bundles a program into one script, `NAME-program.cjs`, and `NAME.cjs` beside it, which runs it (launch.cjs says how). V8
 * can keep all that it compiled of a script, and of a module only what it compiled before it ran.
 *
 * @param codeFolder folder for that. Default: the machine's and the container's, which goes with a boot
 */
export async function bundleProgram(
  outdir: string,
  name: string,
  { entry, keptAfter }: Program,
  codeFolder: string = RUN_FILES.code,
): Promise<void> {
  const file = `${name}-program.cjs`;
  await build({ ...SCRIPT, entryPoints: { [`${name}-program`]: entryPoint(entry) }, outdir });
  const digest = createHash("sha256")
    .update(await readFile(join(outdir, file)))
    .digest("hex");
  const { code } = await transform(await readFile(join(import.meta.dirname, "launch.cjs"), "utf8"), {
    minifyWhitespace: true,
    define: {
      PROGRAM_FILE: JSON.stringify(file),
      PROGRAM_DIGEST: JSON.stringify(digest.slice(0, 32)),
      CODE_FOLDER: JSON.stringify(codeFolder),
      KEEPING_COMMANDS: JSON.stringify(keptAfter),
    },
  });
  await writeFile(join(outdir, `${name}.cjs`), code);
}
