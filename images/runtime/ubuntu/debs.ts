import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { readKey } from "openpgp";
import { proxyEnvironment } from "../../../lib/proxy.ts";
import { type Report, type Store, sha256, sha256File } from "../../../lib/store.ts";
import type { Arch } from "../arch.ts";
import { type DebsRelease, RELEASES, releaseName } from "./releases.ts";

/** The variable that names another mirror of Ubuntu's packages than Canonical's, for the computer that makes the image. */
export const MIRROR_VARIABLE = "CLOISTER_UBUNTU_MIRROR";

/** Canonical's mirrors; arm64 has one of its own. */
const MIRRORS = {
  amd64: "https://archive.ubuntu.com/ubuntu",
  arm64: "https://ports.ubuntu.com/ubuntu-ports",
} as const satisfies Record<Arch, string>;

/** Each release's own packages, its updates and its security updates. */
const SUITES = ["", "-updates", "-security"];

/** "Ubuntu Archive Automatic Signing Key (2018)", which is all that the packages' lists may be signed with. */
const FINGERPRINT = "F6ECB3762474EDA9D21B7022871920D1991BC93C";
const KEY = join(import.meta.dirname, "archive-key.asc");

/** Packages as .deb files, with an index that has the digest of each. */
export interface Debs {
  readonly release: DebsRelease;
  readonly folder: string;
  /** Digest of the index, and so of all. */
  readonly digest: string;
}

/** Packages that machines install beyond their base image, in guest/boot/packages.list. */
export async function listedPackages(): Promise<string[]> {
  const list = await readFile(join(import.meta.dirname, "../../../guest/boot/packages.list"), "utf8");
  return [...list.matchAll(/^(?:needed|tool) (\S+)$/gm)].map(([, name]) => name ?? "");
}

/**
 * Finds the packages in the store, or fetches them with everything that they depend on, by this computer's apt, which
 * checks the archive's signature and each digest. Nothing of this computer's own packages is read or changed.
 *
 * @param packages default: those that machines install beyond their base image
 * @throws an Error that says why they cannot be had: there is no apt, or the mirror cannot be reached
 */
export async function ensureDebs(
  store: Store,
  arch: Arch,
  report: Report,
  env: NodeJS.ProcessEnv = process.env,
  release: DebsRelease = "ubuntu-22.04",
  packages?: readonly string[],
): Promise<Debs> {
  const names = packages ?? (await listedPackages());
  const key = sha256(JSON.stringify([release, arch, names, await readFile(KEY, "utf8")]));
  const { path } = await store.entry(
    "runtime-debs",
    key,
    async (dir) => await fetchDebs(dir, arch, names, report, env, release),
    {
      deep: false,
      report,
    },
  );
  return { release, folder: path, digest: await sha256File(join(path, "Packages")) };
}

async function fetchDebs(
  dir: string,
  arch: Arch,
  names: readonly string[],
  report: Report,
  env: NodeJS.ProcessEnv,
  release: DebsRelease,
): Promise<void> {
  const key = await readKey({ armoredKey: await readFile(KEY, "utf8") });
  if (key.getFingerprint().toUpperCase() !== FINGERPRINT)
    throw new Error(`${KEY} holds another key than Ubuntu's archive's`);
  const mirror = (env[MIRROR_VARIABLE] || MIRRORS[arch]).replace(/\/+$/, "");
  const work = join(dir, "apt");
  const archives = join(work, "cache/archives");
  for (const name of ["lists/partial", "state", "cache/archives/partial"])
    await mkdir(join(work, name), { recursive: true });
  // apt drops its rights to a user who may not read this cache, and names in its files may have no spaces.
  await writeFile(join(work, "apt.conf"), aptConfiguration(work, arch));
  await copyFile(KEY, join(work, "key.asc"));
  await writeFile(join(work, "status"), "");
  const sources = SUITES.map(
    (suite) => `deb [signed-by=${work}/key.asc] ${mirror} ${RELEASES[release]}${suite} main universe\n`,
  );
  await writeFile(join(work, "sources"), sources.join(""));
  report(`fetching packages of ${releaseName(release)} for ${arch} from ${mirror}`);
  const apt = async (...args: string[]) => {
    const result = await execa("apt-get", ["-q", "-y", "--no-install-recommends", ...args], {
      env: { ...proxyEnvironment(), APT_CONFIG: join(work, "apt.conf"), LC_ALL: "C.UTF-8" },
      reject: false,
      stdin: "ignore",
      all: true,
    });
    if (!result.failed) return;
    if (result.code === "ENOENT") throw new Error("this computer has no apt-get, which fetches them");
    const said = /^E: .*$/m.exec(result.all ?? "")?.[0] ?? result.shortMessage ?? "";
    throw new Error(
      `${mirror} did not give them (${said.replace(/^E: /, "")}). Another mirror: ${MIRROR_VARIABLE}=https://HOST/PATH`,
    );
  };
  await apt("update", "-o", "APT::Update::Error-Mode=any");
  await apt("--download-only", "install", ...names);
  const debs = (await readdir(archives)).filter((name) => name.endsWith(".deb"));
  const entries = await Promise.all(debs.map(async (name) => await entry(join(archives, name), dir)));
  await writeFile(join(dir, "Packages"), entries.sort().join("\n"));
  await rm(work, { recursive: true });
}

/** Copies one package, and returns its entry of the index. Its own name may have characters that addresses have not. */
async function entry(deb: string, dir: string): Promise<string> {
  const { stdout } = await execa("dpkg-deb", ["--field", deb]);
  const digest = await sha256File(deb);
  const name = `${/^Package: (\S+)$/m.exec(stdout)?.[1] ?? "package"}-${digest.slice(0, 16)}.deb`;
  await copyFile(deb, join(dir, name));
  return `${stdout.trimEnd()}\nFilename: ./${name}\nSize: ${(await stat(deb)).size}\nSHA256: ${digest}\n`;
}

/** apt.conf(5) for a system that is nothing but a few folders, without a single package in it. */
function aptConfiguration(work: string, arch: Arch): string {
  return Object.entries({
    "APT::Architecture": arch,
    "APT::Architectures::": arch,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
    "Dir::Etc::SourceList": `${work}/sources`,
    "Dir::Etc::SourceParts": "-",
    "Dir::Etc::Preferences": "-",
    "Dir::Etc::PreferencesParts": "-",
    "Dir::Etc::Trusted": "-",
    "Dir::Etc::TrustedParts": "-",
    "Dir::State": `${work}/state`,
    "Dir::State::Lists": `${work}/lists`,
    "Dir::State::status": `${work}/status`,
    "Dir::Cache": `${work}/cache`,
    "Dir::Log": `${work}/log`,
  })
    .map(([name, value]) => `${name} "${value}";\n`)
    .join("");
}
