import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Report, Store, sha256 } from "../../lib/store.ts";
import { SystemPackagesError, thisHost } from "../../lib/system/index.ts";
import type { Host } from "../../lib/system/select.ts";

/** The distribution's own interpreter: its packages' compiled modules fit no other. */
const python = "/usr/bin/python3";

export interface CloudInitSchemaOptions {
  readonly report?: Report;
  readonly store?: Store;
  readonly host?: Host;
}

/**
 * A command that checks user data with cloud-init's own schema once the file's name is appended to it
 * (`cloud-init schema -c FILE`).
 *
 * Where cloud-init is not installed, its package and those of its Python libraries are unpacked into the store: to
 * install cloud-init on somebody's computer would let it configure that computer at the next boot.
 *
 * @throws {SystemPackagesError} on systems that are not Debian or Ubuntu and have no cloud-init
 */
export async function cloudInitSchema(options: CloudInitSchemaOptions = {}): Promise<{ command: string[] }> {
  const { report = () => {}, store = new Store(), host = thisHost() } = options;
  if (host.hasCommand("cloud-init")) return { command: ["cloud-init", "schema", "-c"] };
  if (!host.distributions.some((id) => id === "debian" || id === "ubuntu") || !host.hasFile(python)) {
    throw new SystemPackagesError(
      ["cloud-init"],
      "It exists for Linux only; install it with your package manager.",
      [],
    );
  }
  const apt = await ownPackageLists(store, host, report);
  const packages = await packagesOf("cloud-init", apt);
  const entry = await store.entry(
    "cloud-init",
    sha256(packages.join("\n")),
    async (folder) => {
      report("fetching cloud-init's packages, to be unpacked, not installed");
      const debs = join(folder, "debs");
      await mkdir(debs);
      await execa("apt-get", [...apt, "-o", "Acquire::Retries=3", "download", ...packages], { cwd: debs });
      for (const deb of await readdir(debs)) await execa("dpkg-deb", ["-x", join(debs, deb), folder]);
      await rm(debs, { recursive: true });
      const libraries = join(folder, "usr", "lib", "python3", "dist-packages");
      // Compiled now, since nothing in the store may change later.
      await execa(python, ["-m", "compileall", "-q", libraries], { reject: false });
    },
    { deep: false, report },
  );
  const libraries = join(entry.path, "usr", "lib", "python3", "dist-packages");
  const variables = [`PYTHONPATH=${libraries}`, "PYTHONDONTWRITEBYTECODE=1"];
  return { command: ["env", ...variables, python, "-m", "cloudinit.cmd.main", "schema", "-c"] };
}

/** How old package lists may be before they are read again, in milliseconds. */
const LISTS_AGE = 24 * 3_600_000;

/**
 * Options for apt that make it use package lists of our own: the computer's may be absent or old, and only root could
 * renew them (apt.conf(5), "Directories").
 */
async function ownPackageLists(store: Store, host: Host, report: Report): Promise<string[]> {
  const folder = join(store.root, "apt");
  const apt = [
    ...["-o", `Dir::State::Lists=${join(folder, "lists")}`, "-o", `Dir::Cache=${join(folder, "cache")}`],
    // Run as root, apt would complain that its unprivileged helper cannot write here.
    ...(host.isRoot ? ["-o", "APT::Sandbox::User=root"] : []),
  ];
  await store.locked("apt", "lists", report, async () => {
    const stamp = join(folder, "stamp");
    const age =
      Date.now() -
      (await stat(stamp).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ));
    if (age < LISTS_AGE) return;
    report("reading the package lists (apt-get update)");
    for (const name of ["lists", "cache"])
      await mkdir(join(folder, name, name === "lists" ? "partial" : "archives/partial"), { recursive: true });
    await execa("apt-get", [...apt, "update"]);
    await writeFile(stamp, "");
  });
  return apt;
}

/** A package and all Python libraries that it needs, each as `name=version`, sorted. */
async function packagesOf(name: string, apt: readonly string[]): Promise<string[]> {
  const kinds = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map((kind) => `--no-${kind}`);
  const { stdout } = await execa("apt-cache", [...apt, "depends", "--recurse", ...kinds, name], { reject: false });
  const libraries = [...(stdout ?? "").matchAll(/^(python3-[a-z0-9.+-]+)$/gm)].flatMap(([, library]) => library ?? []);
  const policy = await execa("apt-cache", [...apt, "policy", name, ...new Set(libraries)], {
    env: { LC_ALL: "C" },
    reject: false,
  });
  const found = [...(policy.stdout ?? "").matchAll(/^(\S+):\n.*\n +Candidate: ((?!\(none\)).*)$/gm)]
    .map(([, candidate, version]) => `${candidate}=${version}`)
    .sort();
  if (found.length > 0) return found;
  throw new SystemPackagesError([name], "Its package is not in the distribution's package lists.", []);
}
