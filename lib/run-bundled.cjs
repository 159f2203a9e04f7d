// `run-bundled.cjs ENTRY [ARGUMENT...]`: runs a TypeScript program of this project from one bundled file, which starts in
// a third of the time that transpiling and reading its modules one by one takes. The bundle is kept in the user's cache
// under its own digest; it is made (again) when it is missing or damaged, or when a source or package-lock.json changed.
// Written in plain JavaScript, since it is what spares the loading of a transpiler. Not minified, so that a stack trace says
// something: comments in the bundle name the sources.
"use strict";
const { isAscii } = require("node:buffer");
const { createHash, randomUUID } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const { join, relative, resolve } = require("node:path");
const vm = require("node:vm");
const { cacheRoot } = require("./cache-root.cjs");

// AWS's SDK, whose version is ours to choose, would tell users of Node 20 in each command of its later versions.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

const project = resolve(__dirname, "..");
/** Packages that are not bundled: large ones that are seldom used. */
const seldom = ["@aws-sdk", "esbuild", "openpgp"];
/** The bundle's expression for the project's folder. One bundle may run for several copies of the project. */
const ROOT = "globalThis.cloisterProject";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const digestOf = (file) => sha256(fs.readFileSync(join(project, file)));

/** The bundle of an entry, if there is an intact one of today's sources: made here, or in another copy of the project. */
function find(folder, entry) {
  const index = indexOf(entry);
  const own = read(folder, index);
  if (own) return own;
  try {
    const [of] = index.split(".");
    for (const other of fs.readdirSync(folder).filter((file) => file.startsWith(`${of}.`))) {
      const found = other === index ? undefined : read(folder, other);
      if (!found) continue;
      const { bundle, inputs } = JSON.parse(fs.readFileSync(join(folder, other), "utf8"));
      try {
        put(join(folder, index), JSON.stringify({ project, bundle, inputs }));
      } catch {
        // A cache that can be read alone: the other's index will do the next time, too.
      }
      return found;
    }
  } catch {
    // As where it is made: without a cache it runs, too.
  }
  return undefined;
}

/** Name of the index of an entry in this copy of the project: those of all copies begin alike. */
const indexOf = (entry) => `${sha256(JSON.stringify(entry))}.${sha256(project)}.json`;

/** The bundle that an index names, if it is intact and of today's sources. */
function read(folder, index) {
  try {
    const { bundle, inputs } = JSON.parse(fs.readFileSync(join(folder, index), "utf8"));
    // Of nothing: it would never be made again.
    if (Object.keys(inputs).length === 0) return undefined;
    if (Object.entries(inputs).some(([file, digest]) => digestOf(file) !== digest)) return undefined;
    const path = join(folder, `${bundle}.cjs`);
    const bytes = fs.readFileSync(path);
    // Of bytes, both the digest and the text are had in half the time.
    return sha256(bytes) === bundle
      ? { path, text: isAscii(bytes) ? bytes.latin1Slice() : bytes.utf8Slice() }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a bundle, with what V8 compiled of it in an earlier run: that is a fifth of a plugin's start. */
function run(path, text, keepAfterMs) {
  const cache = `${path}.${process.version}-${process.arch}`;
  const cachedData = compiled(cache);
  const script = new vm.Script(Module.wrap(text), {
    filename: path,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData ? { cachedData } : {}),
  });
  if (!cachedData || script.cachedDataRejected) {
    const keep = () => {
      try {
        const data = script.createCachedData();
        put(cache, Buffer.concat([Buffer.from(sha256(data)), data]));
      } catch {
        // As below: it is no reason to fail.
      }
    };
    // At the end, when the functions that were called are compiled too. A server is killed and has no end of its own.
    if (keepAfterMs === undefined) process.once("exit", keep);
    else setTimeout(keep, keepAfterMs).unref();
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, Module.createRequire(join(project, "package.json")), module, path, project);
  return module.exports;
}

/** V8 checks that the data is its own, and of this text, but not that it is whole. */
function compiled(file) {
  try {
    const content = fs.readFileSync(file);
    const data = content.subarray(64);
    return sha256(data) === content.toString("latin1", 0, 64) ? data : undefined;
  } catch {
    return undefined;
  }
}

let builds = 0;

/** Bundles by esbuild. Its process is ended: it would live as long as the program. */
async function built(options) {
  const esbuild = require("esbuild");
  builds += 1;
  try {
    return await esbuild.build(options);
  } finally {
    builds -= 1;
    if (builds === 0) await esbuild.stop();
  }
}

/** Bundles the entry, and keeps the bundle where that is possible. */
async function make(folder, [entry, ...apart]) {
  const { outputFiles, metafile } = await built({
    // Not its whole path: a star in the project's would be a pattern.
    entryPoints: [`./${entry}`],
    absWorkingDir: project,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    legalComments: "none",
    logLevel: "error",
    plugins: [sourcesKnowTheirPlace, sdkAsUsed, packagesApart(apart.flat()), oneLanguage],
  });
  const text = outputFiles[0].text;
  const bundle = sha256(text);
  const settings = ["package-lock.json", "node_modules/.package-lock.json", "tsconfig.json", "lib/run-bundled.cjs"];
  const sources = Object.keys(metafile.inputs).filter((file) => !/(^|\/)node_modules\/|:/.test(file));
  const inputs = Object.fromEntries(
    [...sources, ...settings.filter((file) => fs.existsSync(join(project, file)))].map((file) => [
      file,
      digestOf(file),
    ]),
  );
  try {
    fs.mkdirSync(folder, { recursive: true });
    put(join(folder, `${bundle}.cjs`), text);
    put(join(folder, indexOf([entry, ...apart])), JSON.stringify({ project, bundle, inputs }));
    sweep(folder);
  } catch {
    // A cache that cannot be written, another user's for example, is no reason not to run.
  }
  return { path: join(folder, `${bundle}.cjs`), text };
}

/** Files appear whole or not at all. */
function put(path, content) {
  const temporary = `${path}.${randomUUID()}`;
  fs.writeFileSync(temporary, content);
  fs.renameSync(temporary, path);
}

/** Removes what nobody can use again: indexes of gone projects and older versions, and bundles a day old that no index names. */
function sweep(folder) {
  const names = fs.readdirSync(folder);
  const named = new Set();
  for (const name of names.filter((file) => file.endsWith(".json"))) {
    const { project: owner, bundle } = JSON.parse(fs.readFileSync(join(folder, name), "utf8"));
    // Older versions named an index by its entry alone: it is not read any more.
    if (name.split(".").length === 3 && owner && fs.existsSync(owner)) named.add(bundle);
    else fs.rmSync(join(folder, name), { force: true });
  }
  for (const name of names.filter((file) => !file.endsWith(".json") && !named.has(file.slice(0, 64)))) {
    const { mtimeMs } = fs.statSync(join(folder, name));
    if (Date.now() - mtimeMs > 86_400_000) fs.rmSync(join(folder, name), { force: true });
  }
}

/** A bundled module would take the bundle's place for its own. */
const sourcesKnowTheirPlace = {
  name: "sources know their place",
  setup(build) {
    build.initialOptions.define = { "import.meta.url": "__moduleUrl", "import.meta.dirname": "__moduleFolder" };
    build.onLoad({ filter: /\.(?:ts|mjs)$/ }, ({ path }) => {
      const text = fs.readFileSync(path, "utf8");
      if (relative(project, path).includes("node_modules") || !text.includes("import.meta.")) return undefined;
      const file = `(${ROOT}+${JSON.stringify(`/${relative(project, path).split("\\").join("/")}`)})`;
      const url = `const __moduleUrl = require("node:url").pathToFileURL${file}.href;`;
      const folder = `const __moduleFolder = require("node:path").dirname${file};`;
      return { contents: `${url}${folder}${text}`, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

/** The contents of the SDK's indexes: modules whose exports are all exported, and modules exported under a name. */
const indexes = {
  "@pulumi/pulumi": {
    all: ["config", "errors", "metadata", "output", "resource", "stackReference", "stash"],
    namespaces: ["asset", "automation", "dynamic", "iterable", "log", "provider", "runtime", "utils"],
  },
  "@pulumi/pulumi/runtime": {
    all: ["config", "invoke", "resource", "rpc", "settings", "stack"],
    members: {
      serializeFunctionAsync: "closure/serializeClosure",
      serializeFunction: "closure/serializeClosure",
      computeCodePaths: "closure/codePaths",
      setMocks: "mocks",
    },
  },
};

/**
 * Pulumi's SDK as it is used: the automation API and the serialization of functions, which take twice as long to load as all the
 * rest, are loaded when something of them is.
 */
const sdkAsUsed = {
  name: "SDK as used",
  setup(build) {
    const names = Object.keys(indexes).join("|");
    build.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path }) => ({ path, namespace: "sdk" }));
    build.onLoad({ filter: /.*/, namespace: "sdk" }, ({ path }) => {
      const { all, namespaces = [], members = {} } = indexes[path];
      const late = (name, value) =>
        `Object.defineProperty(exports, "${name}", { enumerable: true, get: () => ${value} });`;
      const contents = [
        'Object.defineProperty(exports, "__esModule", { value: true });',
        ...all.map((part) => `Object.assign(exports, require("${path}/${part}"));`),
        path === "@pulumi/pulumi" ? "exports.deploymentOnlyModule = true;" : "",
        ...namespaces.map((name) => late(name, `require("${path}/${name}")`)),
        ...Object.entries(members).map(([name, part]) => late(name, `require("${path}/${part}").${name}`)),
      ];
      return { contents: contents.join("\n"), resolveDir: project };
    });
  },
};

/** Packages that are loaded from the project when they are used. */
const packagesApart = (names) => ({
  name: "packages apart",
  setup(build) {
    if (names.length === 0) return;
    build.onResolve({ filter: new RegExp(`^(${names.join("|")})(/|$)`) }, ({ path }) => ({ path, namespace: "apart" }));
    build.onLoad({ filter: /.*/, namespace: "apart" }, ({ path }) => ({
      contents: `module.exports = require("node:module").createRequire(${ROOT}+"/package.json")(${JSON.stringify(path)})`,
    }));
  },
});

/** zod brings its messages in fifty languages, of which it uses English. */
const oneLanguage = {
  name: "one language",
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
    }));
  },
};

/**
 * Loads a program of the project into this process.
 *
 * @param {string} entry its path below the project
 * @param {string[]} shared packages of which the process has a copy already, and must have no second one
 * @param {string[]} large packages that are not bundled because they are seldom used
 * @param {number} [keepAfterMs] for a server, which is killed: when to keep what V8 compiled. Default: at the process's end
 * @returns what it exports
 */
exports.load = async function load(entry, shared = [], large = seldom, keepAfterMs = undefined) {
  const folder = join(cacheRoot(), "bundles");
  const asked = [entry, shared, large];
  const { path, text } = find(folder, asked) ?? (await make(folder, asked));
  globalThis.cloisterProject = project;
  return run(path, text, keepAfterMs);
};

/** The text of a program's last error. An error that somebody wrote needs its message only; a mistake in code needs its stack. */
function errorText(error) {
  if (!(error instanceof Error)) return String(error);
  return /^(Type|Reference|Range|Syntax)Error$/.test(error.name) ? error.stack : error.message;
}

if (require.main === module) {
  const [, , entry = ""] = process.argv;
  process.argv.splice(1, 2, join(project, entry));
  exports
    .load(entry)
    // A program that goes on has its end as default export.
    .then((program) => program.default)
    .catch((error) => {
      console.error(errorText(error));
      process.exitCode = 1;
    });
}
