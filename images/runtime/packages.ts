import { copyFile, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { proxyEnvironment } from "../../lib/proxy.ts";
import { type Report, type Store, sha256 } from "../../lib/store.ts";
import { type Arch, elfArch, npmCpu } from "./arch.ts";

const FILES = ["package.json", "package-lock.json", ".npmrc"];
const SOURCE = join(import.meta.dirname, "packages");

/** Packages of npm for one architecture. */
export interface Packages {
  /** The `node_modules` folder. */
  readonly modules: string;
  /** Node's own binary. */
  readonly node: string;
  /** Claude Code's native binary. */
  readonly claude: string;
}

/** Names of the two packages that hold one native binary each. */
export function nativePackages(arch: Arch): { node: string; claude: string } {
  const cpu = npmCpu(arch);
  return { node: `node-linux-${cpu}`, claude: `@anthropic-ai/claude-code-linux-${cpu}` };
}

/** npm's arguments: exactly what the lock file names, for one architecture, running nothing of it. */
export function npmArguments(arch: Arch): string[] {
  return [
    "ci",
    "--os=linux",
    `--cpu=${npmCpu(arch)}`,
    "--libc=glibc",
    "--ignore-scripts",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=5",
  ];
}

/** Versions by package name, as locked. */
export async function lockedVersions(): Promise<Record<string, string>> {
  const lock = JSON.parse(await readFile(join(SOURCE, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string }>;
  };
  const versions: Record<string, string> = {};
  for (const [path, { version }] of Object.entries(lock.packages)) {
    if (path !== "" && version !== undefined) versions[path.replace(/^node_modules\//, "")] = version;
  }
  return versions;
}

/**
 * Installs the locked packages for one architecture, or finds them in the store. npm checks each against the digest in
 * the lock file; the two native binaries must then be for the architecture asked for.
 *
 * @throws when npm fails (its last lines are in the message) or installed another architecture's binary
 */
export async function ensurePackages(store: Store, arch: Arch, report: Report): Promise<Packages> {
  const texts = await Promise.all(FILES.map((file) => readFile(join(SOURCE, file), "utf8")));
  const key = sha256(JSON.stringify([...texts, npmArguments(arch)]));
  const { path } = await store.entry("runtime-packages", key, (dir) => install(dir, arch, report), { report });
  const names = nativePackages(arch);
  const modules = join(path, "node_modules");
  return { modules, node: join(modules, names.node, "bin/node"), claude: join(modules, names.claude, "claude") };
}

async function install(dir: string, arch: Arch, report: Report): Promise<void> {
  const { node, claude } = nativePackages(arch);
  const versions = await lockedVersions();
  report(`fetching Node ${versions[node]} and Claude Code ${versions[claude]} for ${arch} from the npm registry`);
  await mkdir(dir, { recursive: true });
  for (const file of FILES) await copyFile(join(SOURCE, file), join(dir, file));
  const result = await execa("npm", npmArguments(arch), {
    cwd: dir,
    env: proxyEnvironment(),
    reject: false,
    stdin: "ignore",
    all: true,
  });
  if (result.failed) {
    const said = (result.all ?? "").trim().split("\n").slice(-8).join("\n");
    throw new Error(
      `npm could not install the runtime image's packages (${result.shortMessage}).\n${said}\n` +
        "Check that the npm registry can be reached (npm ping), then run the same command again: what was fetched is kept.",
    );
  }
  const modules = join(dir, "node_modules");
  for (const unused of ["share", "include", "CHANGELOG.md"]) {
    await rm(join(modules, node, unused), { recursive: true, force: true });
  }
  for (const binary of [join(modules, node, "bin/node"), join(modules, claude, "claude")]) {
    const found = elfArch(await headOf(binary));
    if (found !== arch) throw new Error(`${binary} is not a Linux program for ${arch} (found: ${found ?? "no ELF"})`);
  }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
