import { execa } from "execa";
import type { Arch } from "../types.ts";
import { EFI_ARCH, IDENTIFIERS, kernelCommandLine, LAYOUT, packages } from "./recipe.ts";
import type { Release } from "./releases.ts";

const MIB = 1 << 20;

/** One partition as sfdisk sees it; sizes in bytes. */
export interface Partition {
  readonly number: number;
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly uuid: string;
}

/** What a finished raw disk holds, read without mounting it. */
export interface DiskFacts {
  readonly table: string;
  readonly partitions: readonly Partition[];
  readonly root: {
    readonly label: string;
    /** True when a full check of the file system finds nothing. */
    readonly sound: boolean;
    /** Contents of small files, by path; absent ones are missing. */
    readonly files: Readonly<Record<string, string>>;
    /** Names in folders, by path; absent folders are missing. */
    readonly folders: Readonly<Record<string, readonly string[]>>;
    /** Targets of symbolic links, by path. */
    readonly links: Readonly<Record<string, string>>;
  };
  readonly esp: { readonly label: string; readonly programs: readonly string[] };
  /** Kernel command line in the program that UEFI starts. */
  readonly cmdline: string;
  /** Installed packages, without versions. */
  readonly packages: readonly string[];
}

const FILES = ["/etc/machine-id", "/etc/hostname", "/etc/fstab"] as const;
const FOLDERS = [
  "/etc/ssh",
  "/etc/apt",
  "/etc/apt/apt.conf.d",
  "/etc/apt/sources.list.d",
  "/var/lib/apt/lists",
  "/var/log",
  "/boot",
  "/tmp",
] as const;
const LINK = "/etc/resolv.conf";
const UNITS = "/etc/systemd/system";

/** Reads the facts with sfdisk, e2fsprogs and mtools. */
export async function inspectDisk(disk: string, arch: Arch, packageList: string): Promise<DiskFacts> {
  const table = JSON.parse((await execa("sfdisk", ["--json", disk])).stdout) as {
    partitiontable: {
      label: string;
      sectorsize?: number;
      partitions: { node: string; start: number; size: number; type: string; uuid: string }[];
    };
  };
  const sector = table.partitiontable.sectorsize ?? 512;
  const partitions = table.partitiontable.partitions.map((partition) => ({
    number: Number(partition.node.slice(disk.length)),
    start: partition.start * sector,
    size: partition.size * sector,
    type: partition.type,
    uuid: partition.uuid,
  }));
  const startOf = (number: number) => partitions.find((partition) => partition.number === number)?.start ?? 0;
  const esp = `${disk}@@${startOf(15)}`;
  const program = `::/EFI/BOOT/BOOT${EFI_ARCH[arch].toUpperCase()}.EFI`;
  const quiet = { reject: false } as const;
  const [label, programs, efi] = await Promise.all([
    execa("mlabel", ["-s", "-i", esp, "::"], quiet),
    execa("mdir", ["-b", "-i", esp, "::/EFI/BOOT"], quiet),
    execa("mtype", ["-i", esp, program], { ...quiet, encoding: "buffer", maxBuffer: 256 * MIB }),
  ]);
  return {
    table: table.partitiontable.label,
    partitions,
    root: await inspectRoot(`${disk}?offset=${startOf(1)}`),
    esp: { label: /Volume label is (\S+)/.exec(label.stdout)?.[1] ?? "", programs: programs.stdout.split("\n") },
    cmdline: Buffer.from(efi.stdout).includes(kernelCommandLine(arch)) ? kernelCommandLine(arch) : "another or none",
    packages: packageList
      .split("\n")
      .map((line) => (line.split(/[ :]/)[0] ?? "").trim())
      .filter(Boolean),
  };
}

async function inspectRoot(fileSystem: string): Promise<DiskFacts["root"]> {
  const debugfs = async (request: string) => await execa("debugfs", ["-R", request, fileSystem], { reject: false });
  const check = await execa("e2fsck", ["-f", "-n", fileSystem], { reject: false });
  const header = await execa("dumpe2fs", ["-h", fileSystem], { reject: false });
  const files: Record<string, string> = {};
  const folders: Record<string, string[]> = {};
  const links: Record<string, string> = {};
  for (const path of FILES) {
    const { stdout, stderr } = await debugfs(`cat ${path}`);
    if (!stderr.includes("File not found")) files[path] = stdout;
  }
  for (const path of [...FOLDERS, UNITS, `${UNITS}/multi-user.target.wants`]) {
    const { stdout, stderr } = await debugfs(`ls -p ${path}`);
    if (stderr.includes("File not found")) continue;
    // Each entry: /inode/mode/uid/gid/name/size/
    const names = stdout.split("\n").map((line) => line.split("/")[5] ?? "");
    folders[path] = names.filter((name) => name && name !== "." && name !== "..");
  }
  const target = /^Fast link dest: "(.*)"$/m.exec((await debugfs(`stat ${LINK}`)).stdout)?.[1];
  if (target) links[LINK] = target;
  const label = /^Filesystem volume name:\s+(\S+)$/m.exec(header.stdout)?.[1] ?? "";
  return { label, sound: check.exitCode === 0, files, folders, links };
}

/** Everything that is wrong with a disk, in the user's words; empty when it is what the contract says. */
export function problemsOf(facts: DiskFacts, arch: Arch, release?: Release): string[] {
  const { root, esp } = facts;
  const problems: string[] = [];
  const demand = (fits: boolean, problem: string) => {
    if (!fits) problems.push(problem);
  };
  const partition = (number: number) => facts.partitions.find((candidate) => candidate.number === number);
  const [first, fifteenth] = [partition(1), partition(15)];
  demand(facts.table === "gpt", `the partition table is ${facts.table}, not gpt`);
  demand(facts.partitions.length === 2, `there are ${facts.partitions.length} partitions, not 2`);
  demand(first?.type === IDENTIFIERS.rootType[arch], "partition 1 has not the type of a root file system");
  demand(first?.uuid === IDENTIFIERS.root, "partition 1 has not the identifier that the kernel looks for");
  demand(
    facts.partitions.every(({ start }) => start <= (first?.start ?? 0)),
    "partition 1 is not the last on the disk, so it cannot grow",
  );
  demand(fifteenth?.type === IDENTIFIERS.espType, "partition 15 is not an EFI system partition");
  demand(fifteenth?.size === LAYOUT.espMiB * MIB, `partition 15 is not ${LAYOUT.espMiB} MiB large`);

  demand(root.label === "cloudimg-rootfs", `the root file system's label is "${root.label}"`);
  demand(root.sound, "the root file system has errors");
  demand(esp.label === "UEFI", `the EFI system partition's label is "${esp.label}"`);
  const program = `BOOT${EFI_ARCH[arch].toUpperCase()}.EFI`;
  demand(
    esp.programs.some((path) => path.endsWith(`/${program}`)),
    `the EFI system partition has no EFI/BOOT/${program}`,
  );
  demand(facts.cmdline === kernelCommandLine(arch), "the boot program has not the kernel command line of the recipe");

  for (const name of packages(arch, release)) demand(facts.packages.includes(name), `package ${name} is missing`);
  for (const line of ["LABEL=cloudimg-rootfs", "LABEL=UEFI"]) {
    demand((root.files["/etc/fstab"] ?? "").includes(line), `/etc/fstab does not mount ${line}`);
  }
  const wanted = root.folders[`${UNITS}/multi-user.target.wants`] ?? [];
  for (const unit of ["cloud-init.target", "ssh.service", "systemd-networkd.service"]) {
    demand(wanted.includes(unit), `${unit} is not started at boot`);
  }

  // What one machine must not share with another.
  demand(root.files["/etc/machine-id"] === "", "/etc/machine-id is missing or not empty");
  const keys = (root.folders["/etc/ssh"] ?? ["unreadable"]).filter((name) => /^ssh_host_|^unreadable$/.test(name));
  demand(keys.length === 0, `there are ssh host keys: ${keys.join(", ")}`);

  // What would tell of the computer that built it.
  demand(root.files["/etc/hostname"] === "localhost", `/etc/hostname is "${root.files["/etc/hostname"]}"`);
  demand(root.links[LINK] === "../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf is not systemd-resolved's");
  const sources = root.folders["/etc/apt/sources.list.d"] ?? [];
  demand(sources.length === 0, `apt's sources were left by the build: ${sources.join(", ")}`);
  demand(!root.folders["/etc/apt"]?.includes("sources.list"), "/etc/apt/sources.list was left by the build");
  for (const folder of ["/etc/apt/apt.conf.d", "/var/lib/apt/lists", "/var/log", "/tmp"]) {
    const left = (root.folders[folder] ?? []).filter(
      (name) => folder !== "/etc/apt/apt.conf.d" || name === "99mmdebstrap",
    );
    demand(left.length === 0, `${folder} holds what the build left: ${left.join(", ")}`);
  }
  demand(
    !(root.folders["/boot"] ?? []).some((name) => name.startsWith("initrd")),
    "/boot holds an initrd, which nothing uses",
  );
  return problems;
}
