import { chmod, copyFile, cp, link, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Report, sha256File } from "../../lib/store.ts";
import type { Arch } from "./arch.ts";
import { bundleGuest } from "./bundle.ts";
import { buildGoPrograms } from "./go.ts";
import { lockedVersions, nativePackages, type Packages } from "./packages.ts";
import type { Debs } from "./ubuntu/debs.ts";

const GUEST = join(import.meta.dirname, "../../guest");

/** The image's own description: `MANIFEST.json`. */
export interface Manifest {
  readonly cloister: string;
  readonly arch: Arch;
  readonly node: string;
  readonly claudeCode: string;
  readonly sandboxRuntime: string;
  readonly npm: string;
  /** SHA-256 of each program in `bin/`, and of Claude Code itself, `lib/claude`. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Folders of the guest that are copied as they are. */
const COPIED = ["boot", "units", "bin", "ssh"];

/** sandbox-runtime's agent that leads Java to the proxies. */
const JAVA_AGENT = "@anthropic-ai/sandbox-runtime/vendor/java-proxy-agent/srt-proxy-agent.jar";

/** Lays out what the image holds in an empty folder. */
export async function layOut(options: {
  tree: string;
  arch: Arch;
  version: string;
  packages: Packages;
  report: Report;
  /** Ubuntu's packages with their index. */
  debs?: Debs;
}): Promise<Manifest> {
  const { tree, arch, version, packages, report, debs } = options;
  const bin = join(tree, "bin");
  await mkdir(bin, { recursive: true });
  report("bundling the guest's code and building its static programs");
  await Promise.all([bundleGuest(join(tree, "lib")), buildGoPrograms(bin, join(tree, "seccomp"), arch)]);
  await place(packages.node, join(bin, "node"));
  // What stands in bin/ is guest/bin/claude, which starts it with the machine's settings.
  await place(packages.claude, join(tree, "lib", "claude"));
  await copyFile(join(packages.modules, JAVA_AGENT), join(tree, "lib", "srt-proxy-agent.jar"));
  await placeNpm(join(packages.modules, "npm"), join(tree, "lib", "npm"));
  for (const folder of COPIED) await copyFiles(join(GUEST, folder), join(tree, folder));
  if (debs) await placeDebs(debs.folder, join(tree, "debs", debs.release));
  await copyLicences(packages, arch, tree);
  const manifest = await writeManifest(tree, arch, version);
  await setModes(tree);
  return manifest;
}

/** Writes what is in the tree now to its `MANIFEST.json`. */
export async function writeManifest(tree: string, arch: Arch, version: string): Promise<Manifest> {
  const manifest = await manifestOf(join(tree, "bin"), arch, version);
  await writeFile(join(tree, "MANIFEST.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

/** A link where the file system allows one: the two binaries are hundreds of megabytes. */
async function place(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

/** npm without its manual. In the image nothing can be written: what is installed globally goes to the user's home. */
async function placeNpm(from: string, to: string): Promise<void> {
  const unused = ["docs", "man"].map((name) => join(from, name));
  // Python's own bytecode is there or not, as others have used the folder.
  const filter = (path: string) => !unused.includes(path) && basename(path) !== "__pycache__";
  await cp(from, to, { recursive: true, filter });
  // npm(1), "npmrc": the built-in settings, which all others go before.
  await writeFile(join(to, "npmrc"), `prefix=\${HOME}/.local\nupdate-notifier=false\nfund=false\n`);
}

async function placeDebs(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name === "Packages" || name.endsWith(".deb")) await place(join(from, name), join(to, name));
  }
}

/** The files of a folder, without its sub-folders. */
async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith(".md")) await copyFile(join(from, entry.name), join(to, entry.name));
  }
}

async function copyLicences(packages: Packages, arch: Arch, tree: string): Promise<void> {
  const { node, claude } = nativePackages(arch);
  const licences = join(tree, "licences");
  await mkdir(licences, { recursive: true });
  await copyFile(join(packages.modules, node, "LICENSE"), join(licences, "node"));
  await copyFile(join(packages.modules, claude, "LICENSE.md"), join(licences, "claude-code"));
  await copyFile(join(packages.modules, "npm/LICENSE"), join(licences, "npm"));
  await copyFile(join(packages.modules, "@anthropic-ai/sandbox-runtime/LICENSE"), join(licences, "sandbox-runtime"));
}

async function manifestOf(bin: string, arch: Arch, version: string): Promise<Manifest> {
  const versions = await lockedVersions();
  const { node, claude } = nativePackages(arch);
  const programs: Record<string, string> = {};
  for (const name of (await readdir(bin)).sort()) programs[name] = await sha256File(join(bin, name));
  programs["lib/claude"] = await sha256File(join(bin, "..", "lib", "claude"));
  return {
    cloister: version,
    arch,
    node: versions[node] ?? "?",
    claudeCode: versions[claude] ?? "?",
    sandboxRuntime: versions["@anthropic-ai/sandbox-runtime"] ?? "?",
    npm: versions["npm"] ?? "?",
    programs,
  };
}

/** Modes must not depend on this computer's umask: read for all, execute where the owner has it. */
async function setModes(tree: string): Promise<void> {
  await chmod(tree, 0o755);
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}
