import { access, constants, mkdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import semver from "semver";
import { HostUnreachableError, isReachable } from "../lib/download.ts";
import { type Report, Store, sha256 } from "../lib/store.ts";
import { buildCli, cliKey, findGo } from "./go-build.ts";
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
  /** What to add to the environment when calling it. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ToolchainOptions {
  readonly report?: Report;
  /** Default: the user's cache. */
  readonly store?: Store;
  /** Whether cached executables are hashed before use (default), or only their sizes compared. */
  readonly deep?: boolean;
}

/**
 * Finds, downloads or builds Pulumi; see {@link choose} for the order.
 *
 * @throws {ChecksumError} when a download is not what was published (nothing else is tried then)
 * @throws {GoMissingError} when it must be built and there is no Go compiler
 */
export async function ensureToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const { report = () => {}, store = new Store(), deep = true } = options;
  const findings = await look(store);
  const choice = await choose(findings);
  if (choice.kind === "path" && findings.onPath) {
    const { path, version } = findings.onPath;
    return { ...choice, version, pulumi: path, binDir: dirname(path), env: {} };
  }
  const release = releaseOf(process.platform, process.arch);
  if (choice.kind === "release" && release) {
    try {
      const binDir = await fetchRelease(store, release, releaseKey(process.platform, process.arch), report);
      return toolchainIn(binDir, choice);
    } catch (error) {
      if (!(error instanceof HostUnreachableError)) throw error;
      return await build(store, { kind: "built", why: error.message }, deep, report);
    }
  }
  return await build(store, choice, deep, report);
}

/** What {@link ensureToolchain} would do, in sentences, without doing it. */
export async function explainToolchain(options: ToolchainOptions = {}): Promise<string[]> {
  const store = options.store ?? new Store();
  const findings = await look(store);
  const { kind, why } = await choose(findings);
  const lines = [`Pulumi: ${why}.`];
  const release = releaseOf(process.platform, process.arch);
  if (kind === "path") lines.push(`It would be used as it is: ${findings.onPath?.path}`);
  else if (kind === "release" && findings.stored.release) {
    lines.push(`It would be used: ${store.pathOf("pulumi-release", releaseKey(process.platform, process.arch))}`);
  } else if (kind === "release" && release) {
    lines.push(`It would be downloaded and checked: ${release.url} (checksum from ${release.checksums})`);
    lines.push(`It would be unpacked into ${store.root}`);
  } else {
    const go = await findGo();
    const where = store.pathOf("pulumi-cli", await cliKey());
    if (findings.stored.built) lines.push(`It would be used: ${where}`);
    else if (go) lines.push(`The CLI ${pulumiVersion} would be built with ${go} from Go modules, into ${where}`);
    else
      lines.push("The CLI would be built from Go modules, but there is no Go compiler on PATH or in /usr/local/go/bin");
    lines.push("Our stand-ins for its Node language host and for the `command` plugin would be used with it.");
  }
  return lines;
}

async function look(store: Store): Promise<Findings> {
  const onPath = await pulumiOnPath();
  const released = releaseOf(process.platform, process.arch) !== undefined;
  const key = releaseKey(process.platform, process.arch);
  return {
    ...(onPath ? { onPath } : {}),
    stored: {
      release: (await store.check("pulumi-release", key, false)) === "intact",
      built: (await store.check("pulumi-cli", await cliKey(), false)) === "intact",
    },
    released,
    reachable: async () => await isReachable(releaseHost, { timeoutMs: 5_000 }),
  };
}

async function pulumiOnPath(): Promise<Findings["onPath"]> {
  const path = await onPath("pulumi");
  if (!path) return undefined;
  const env = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { stdout } = await execa(path, ["version"], { env, reject: false, timeout: 20_000 });
  const beside = join(dirname(await realpath(path)), "pulumi-language-nodejs");
  const languageHost = (await isExecutable(beside)) ? beside : await onPath("pulumi-language-nodejs");
  return { path, version: semver.clean(stdout ?? "") ?? "", languageHost };
}

async function build(store: Store, choice: Choice, deep: boolean, report: Report): Promise<Toolchain> {
  const key = sha256(JSON.stringify([await cliKey(), await standInsKey()]));
  const entry = await store.entry(
    "toolchain",
    key,
    async (folder) => {
      const cli = await buildCli(store, report);
      await bundleStandIns(folder);
      await linkOrCopy(cli, join(folder, "bin", "pulumi"));
    },
    { deep, report },
  );
  const toolchain = toolchainIn(join(entry.path, "bin"), choice);
  const plugin = join(entry.path, "plugin");
  if (process.env["PULUMI_HOME"]) {
    // The user's own Pulumi home is not ours to install a stand-in into.
    return { ...toolchain, env: { ...toolchain.env, PATH: [toolchain.env["PATH"], plugin].join(delimiter) } };
  }
  const home = join(store.root, "pulumi-home");
  await mkdir(home, { recursive: true });
  await installPlugin(home, join(plugin, "pulumi-resource-command"));
  const credentials = process.env["PULUMI_CREDENTIALS_PATH"] ?? join(homedir(), ".pulumi");
  return { ...toolchain, env: { ...toolchain.env, PULUMI_HOME: home, PULUMI_CREDENTIALS_PATH: credentials } };
}

function toolchainIn(binDir: string, { kind, why }: Choice): Toolchain {
  const env = { PATH: [binDir, process.env["PATH"]].join(delimiter), PULUMI_SKIP_UPDATE_CHECK: "true" };
  return { kind, why, version: pulumiVersion, pulumi: join(binDir, "pulumi"), binDir, env };
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
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
