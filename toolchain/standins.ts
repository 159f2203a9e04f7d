import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { sha256 } from "../lib/store.ts";
import { commandVersion, pulumiVersion } from "./versions.ts";

const sources = fileURLToPath(new URL("./standins/", import.meta.url));
/** Sources of the stand-ins outside of their own folder. */
const shared = [fileURLToPath(new URL("../lib/grpc-serve.ts", import.meta.url))];

/** Names of the stand-ins' executables and what each is made from. */
const standIns = [
  { name: "pulumi-language-nodejs", source: "language-host.ts", version: pulumiVersion, folder: "bin" },
  { name: "pulumi-resource-command", source: "command-plugin.ts", version: `v${commandVersion}`, folder: "plugin" },
] as const;

/** Digest of all that the stand-ins are made from: their sources and the libraries bundled with them. */
export async function standInsKey(): Promise<string> {
  const files = (await readdir(sources, { recursive: true })).filter((file) => /\.c?[tj]s$/.test(file)).sort();
  const paths = [...files.map((file) => join(sources, file)), ...shared];
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
  const { version: esbuildVersion } = await packageOf("esbuild");
  const { version: sdkVersion } = await packageOf("@pulumi/pulumi");
  const { version: grpcVersion } = await packageOf("@grpc/grpc-js");
  const own = await readFile(new URL(import.meta.url), "utf8");
  // V8's compiled code fits one version of Node only.
  return sha256(JSON.stringify([files, texts, own, esbuildVersion, sdkVersion, grpcVersion, process.version]));
}

/**
 * Bundles each stand-in into one file, so that Node reads one file when Pulumi starts it (see standins/start.cjs): the
 * language host into `bin`, beside `pulumi`, where Pulumi looks without a warning; the `command` plugin into `plugin`.
 */
export async function bundleStandIns(folder: string): Promise<void> {
  // Loaded only here: on all later runs the bundles are there already.
  const { build } = await import("esbuild");
  for (const { name, source, version, folder: where } of standIns) {
    const executable = join(folder, where, name);
    await build({
      // Not its whole path: a star in the project's would be a pattern.
      entryPoints: [`./${source}`],
      absWorkingDir: sources,
      outfile: `${executable}.cjs`,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      minify: true,
      legalComments: "none",
      logLevel: "error",
      define: { STAND_IN_VERSION: JSON.stringify(version) },
    });
    await copyFile(join(sources, "start.cjs"), executable);
    await chmod(executable, 0o755);
    await execa(process.execPath, [executable, "--compile"], { stdin: "ignore" });
  }
}

/**
 * Makes the `command` stand-in an installed plugin of this Pulumi home folder. (On PATH it would be found too, but
 * Pulumi then warns of it at every run.)
 */
export async function installPlugin(home: string, executable: string): Promise<void> {
  const folder = join(home, "plugins", `resource-command-v${commandVersion}`);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.new-${process.pid}`);
  await rm(temporary, { force: true });
  await symlink(executable, temporary);
  await rename(temporary, join(folder, "pulumi-resource-command"));
}

/** A second name for a file, or a copy where the file system has no hard links across these folders. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await mkdir(join(to, ".."), { recursive: true });
  await link(from, to).catch(async () => await copyFile(from, to));
}

async function packageOf(name: string): Promise<{ version: string }> {
  const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return JSON.parse(await readFile(path, "utf8")) as { version: string };
}
