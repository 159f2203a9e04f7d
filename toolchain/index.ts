import { access, constants, mkdir, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import semver from "semver";
import { HostUnreachableError, isReachable } from "../lib/download.ts";
import { homeFolder } from "../lib/home.cjs";
import { type Report, Store, sha256 } from "../lib/store.ts";
import { buildCli, cliKey, findGo, GoMissingError } from "./go-build.ts";
import { knownVersion } from "./known-version.ts";
import { fetchRelease, releaseKey, releaseOf } from "./release.ts";
import { type Choice, choose, type Findings } from "./select.ts";
import { bundleStandIns, installPlugin, linkOrCopy, standInsKey } from "./standins.ts";
import { pulumiVersion, releaseHost } from "./versions.ts";

/** A Pulumi that can be called. */
export interface Toolchain {
  /** Found on PATH, the official release, or built from Go modules with stand-ins beside it. */
  readonly kind: "path" | "release" | "built";
  readonly version: string;
  /** One sentence for the user. */
  readonly why: string;
  /** Absolute path of the executable. */
  readonly pulumi: string;
  /** The folder it is in. */
  readonly binDir: string;
  /** Variables to add to the environment when calling it. */
  readonly env: Readonly<Record<string, string>>;
  /** A Pulumi home with all that a local stack needs, where `env` leaves the user's own in its place. */
  readonly home?: string;
}

export interface ToolchainOptions {
  readonly report?: Report;
  /** Default: the user's cache. */
  readonly store?: Store;
  /** Hash cached executables before use (default: true); false compares sizes only. */
  readonly deep?: boolean;
  /** Default: this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Base address of releases. Default: the official host. */
  readonly releaseHost?: string;
  /** Folders beside PATH in which a Go compiler may be. Default: that of Go's own installer. */
  readonly goFolders?: readonly string[];
}

/**
 * Finds, downloads or builds Pulumi; see {@link choose} for the order.
 *
 * @throws {ChecksumError} when a download is not what was published (nothing else is tried then)
 * @throws {GoMissingError} when it must be built and there is no Go compiler
 */
export async function ensureToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const { report = () => {}, store = new Store(), env = process.env } = options;
  const findings = await look(store, env, options.releaseHost);
  const choice = await choose(findings);
  if (choice.kind === "path" && findings.onPath) {
    const { path, version } = findings.onPath;
    return { ...choice, version, pulumi: path, binDir: dirname(path), env: {} };
  }
  const release = releaseOf(process.platform, process.arch, options.releaseHost);
  if (choice.kind === "release" && release) {
    try {
      const binDir = await fetchRelease(store, release, releaseKey(process.platform, process.arch), report);
      return toolchainIn(binDir, choice, env);
    } catch (error) {
      if (!(error instanceof HostUnreachableError)) throw error;
      return await build({ kind: "built", why: error.message }, options);
    }
  }
  return await build(choice, options);
}

/** Says in sentences what {@link ensureToolchain} would do, and does nothing. */
export async function explainToolchain(options: ToolchainOptions = {}): Promise<string[]> {
  const { store = new Store(), env = process.env } = options;
  const findings = await look(store, env, options.releaseHost);
  const { kind, why } = await choose(findings);
  const lines = [`Pulumi: ${why}.`];
  const release = releaseOf(process.platform, process.arch, options.releaseHost);
  if (kind === "path") lines.push(`It would be used as it is: ${findings.onPath?.path}`);
  else if (kind === "release" && findings.stored.release) {
    lines.push(`It would be used: ${store.pathOf("pulumi-release", releaseKey(process.platform, process.arch))}`);
  } else if (kind === "release" && release) {
    lines.push(`It would be downloaded and checked: ${release.url} (checksum from ${release.checksums})`);
    lines.push(`It would be unpacked into ${store.root}`);
  } else {
    const go = await findGo(env);
    const where = store.pathOf("pulumi-cli", await cliKey());
    if (findings.stored.built) lines.push(`It would be used: ${where}`);
    else if (go) lines.push(`The CLI ${pulumiVersion} would be built with ${go} from Go modules, into ${where}`);
    else
      lines.push("The CLI would be built from Go modules, but there is no Go compiler on PATH or in /usr/local/go/bin");
    lines.push("Our stand-ins for its Node language host and for the `command` plugin would be used with it.");
  }
  return lines;
}

/**
 * Tells why {@link ensureToolchain} could not get a Pulumi; undefined when nothing is in its way. Nothing is fetched or
 * built.
 */
export async function whyNoToolchain(options: ToolchainOptions = {}): Promise<string | undefined> {
  const { store = new Store(), env = process.env } = options;
  const findings = await look(store, env, options.releaseHost);
  const { kind } = await choose(findings);
  if (kind !== "built" || findings.stored.built || (await findGo(env, options.goFolders))) return undefined;
  return new GoMissingError().message;
}

async function look(store: Store, env: NodeJS.ProcessEnv, host: string = releaseHost): Promise<Findings> {
  const found = await pulumiOnPath(env, store.root);
  const released = releaseOf(process.platform, process.arch) !== undefined;
  const key = releaseKey(process.platform, process.arch);
  return {
    ...(found ? { onPath: found } : {}),
    stored: {
      release: (await store.check("pulumi-release", key, false)) === "intact",
      built: (await store.check("pulumi-cli", await cliKey(), false)) === "intact",
    },
    released,
    reachable: async () => await isReachable(host, { timeoutMs: 5_000 }),
  };
}

async function pulumiOnPath(env: NodeJS.ProcessEnv, cache: string): Promise<Findings["onPath"]> {
  const path = await findOnPath("pulumi", env);
  if (!path) return undefined;
  const quiet = { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const file = await realpath(path);
  const version = await knownVersion(file, cache, async () => {
    const { stdout } = await execa(path, ["version"], { env: quiet, extendEnv: false, reject: false, timeout: 20_000 });
    return semver.clean(stdout ?? "") ?? "";
  });
  const beside = join(dirname(file), "pulumi-language-nodejs");
  const languageHost = (await isExecutable(beside)) ? beside : await findOnPath("pulumi-language-nodejs", env);
  return { path, version, languageHost };
}

async function build(choice: Choice, options: ToolchainOptions): Promise<Toolchain> {
  const { report = () => {}, store = new Store(), deep = true, env = process.env } = options;
  const key = sha256(JSON.stringify([await cliKey(), await standInsKey()]));
  const entry = await store.entry(
    "toolchain",
    key,
    async (folder) => {
      const cli = await buildCli(store, report, env);
      await bundleStandIns(folder);
      await linkOrCopy(cli, join(folder, "bin", "pulumi"));
    },
    { deep, report },
  );
  const toolchain = toolchainIn(join(entry.path, "bin"), choice, env);
  const plugin = join(entry.path, "plugin");
  const home = join(store.root, "pulumi-home");
  await mkdir(home, { recursive: true });
  await installPlugin(home, join(plugin, "pulumi-resource-command"));
  if (env["PULUMI_HOME"]) {
    // The user's own Pulumi home is not ours to install a stand-in into.
    return { ...toolchain, home, env: { ...toolchain.env, PATH: [toolchain.env["PATH"], plugin].join(delimiter) } };
  }
  const credentials = env["PULUMI_CREDENTIALS_PATH"] ?? join(homeFolder(), ".pulumi");
  return { ...toolchain, env: { ...toolchain.env, PULUMI_HOME: home, PULUMI_CREDENTIALS_PATH: credentials } };
}

function toolchainIn(binDir: string, { kind, why }: Choice, env: NodeJS.ProcessEnv): Toolchain {
  const path = [binDir, env["PATH"]].join(delimiter);
  const pulumi = join(binDir, "pulumi");
  return { kind, why, version: pulumiVersion, pulumi, binDir, env: { PATH: path, PULUMI_SKIP_UPDATE_CHECK: "true" } };
}

/** The first executable of this name on PATH. */
async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
