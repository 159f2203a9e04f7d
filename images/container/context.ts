import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Report, Store, sha256 } from "../../lib/store.ts";
import type { Arch } from "../runtime/arch.ts";
import { bundleModules, bundleProgram } from "../runtime/bundle.ts";
import { linkCommands } from "../runtime/go.ts";
import { runtimeImageKey } from "../runtime/key.ts";
import { ensurePackages } from "../runtime/packages.ts";
import { layOut, writeManifest } from "../runtime/tree.ts";
import { runtimeComponents } from "./components.ts";
import { PACKAGES } from "./packages.ts";
import { trimProgram } from "./trim.ts";

const ROOT = join(import.meta.dirname, "../..");
const BUILD = join(import.meta.dirname, "build");
const GUEST = join(ROOT, "guest");
const COPY = join(ROOT, "cli/copy");

/** What of the runtime has no use where there is no systemd, no root and no disk. */
const MACHINES_ONLY = [
  "boot",
  "units",
  "lib/aws.mjs",
  "lib/cloister.cjs",
  "lib/cloister-program.cjs",
  "lib/logs.mjs",
  "bin/confine",
  "bin/keeper",
  "bin/boot-helper",
  "seccomp/supervisor.bpf",
];

/** Builds add-ons, with Python and a compiler: the image has no compiler, whatever its base has. npm asks for the rest by name. */
const BUILDS_PROGRAMS = "lib/npm/node_modules/node-gyp/gyp";

/** What only those read who change or debug npm. Licences stay. */
const FOR_DEVELOPERS = /\.(map|d\.[cm]?ts)$|(^|\/)(?!licen[cs]e|copying|notice)[^/]*\.md$/i;

/** What a Dockerfile is built in: `Dockerfile`, `build/` and `runtime/`. */
export interface Context {
  readonly path: string;
  /** Digest of all that decides it. */
  readonly key: string;
  readonly version: string;
}

/** Digest of what the image is made from, beside its base. */
export async function contextKey(arch: Arch): Promise<string> {
  const dockerfile = await readFile(join(ROOT, "container/Dockerfile"), "utf8");
  const own = await Promise.all([import.meta.dirname, COPY].map(sourcesIn));
  return sha256(JSON.stringify([runtimeImageKey({ arch }), dockerfile, ...own.flat()]));
}

async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  return Promise.all(paths.map((path) => readFile(path, "utf8")));
}

/** Finds the context for this version of the sources in the store, or makes it. */
export async function ensureContext(options: { arch: Arch; report?: Report; store?: Store }): Promise<Context> {
  const { arch, report = () => {}, store = new Store() } = options;
  const key = await contextKey(arch);
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  const { path } = await store.entry(
    "container-context",
    key,
    (dir) => makeContext({ dir, arch, version, report, store }),
    {
      report,
      deep: false,
    },
  );
  return { path, key, version };
}

async function makeContext(options: {
  dir: string;
  arch: Arch;
  version: string;
  report: Report;
  store: Store;
}): Promise<void> {
  const { dir, arch, version, report, store } = options;
  const packages = await ensurePackages(store, arch, report);
  const [tree, build] = [join(dir, "runtime"), join(dir, "build")];
  await layOut({ tree, arch, version, packages, report });
  await Promise.all(MACHINES_ONLY.map((path) => rm(join(tree, path), { recursive: true })));
  // Node comes with symbols for debuggers, an eighth of it.
  await trimProgram(join(tree, "bin/node"));
  await linkCommands(join(tree, "bin"), arch);
  await trimNpm(tree);
  const program = { entry: join(GUEST, "container/main.ts"), keptAfter: ["run", "agent", "verify"] };
  await bundleProgram(join(tree, "lib"), "container", program);
  // The other end of `cloister cp`: an image without Python has it in JavaScript.
  await bundleModules(join(tree, "lib"), { copy: join(COPY, "end-in-container.ts") });
  await copyFile(join(GUEST, "container/bin/cloister"), join(tree, "bin/cloister"));
  await writeManifest(tree, arch, version);
  await cp(BUILD, build, { recursive: true });
  await writeFile(join(build, "packages.txt"), `${PACKAGES.join("\n")}\n`);
  await writeFile(join(build, "components.json"), JSON.stringify(await runtimeComponents(arch)));
  await copyFile(join(ROOT, "container/Dockerfile"), join(dir, "Dockerfile"));
  await settle(dir);
}

async function trimNpm(tree: string): Promise<void> {
  await rm(join(tree, BUILDS_PROGRAMS), { recursive: true });
  const npm = join(tree, "lib/npm");
  const unused = (await readdir(npm, { recursive: true })).filter((path) => FOR_DEVELOPERS.test(path));
  await Promise.all(unused.map((path) => rm(join(npm, path))));
}

/** Modes and times must not depend on who builds, or when. */
async function settle(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const executable = entry.isDirectory() || /\/bin\/[^/]+$/.test(path);
    const link = /\/lib\/claude$/.test(path);
    // The agent is a link to the store's own file, which has this mode already.
    if (!entry.isSymbolicLink() && !link) await chmod(path, executable ? 0o755 : 0o644);
    if (entry.isDirectory()) await utimes(path, 0, 0);
  }
  await mkdir(dir, { recursive: true });
}
