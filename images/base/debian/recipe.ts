import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import type { Arch } from "../types.ts";
import { RELEASES, type Release } from "./releases.ts";

/** What is asked of Debian; the rest comes as dependencies. Recommended packages are not installed. */
export function packages(arch: Arch, release: Release = RELEASES["debian-13-stand-in"]): string[] {
  return [
    // The system itself: kernel for virtual machines, systemd with its network, name resolution and disk tools.
    `linux-image-cloud-${arch}`,
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "udev",
    "kmod",
    "netbase",
    "tzdata",
    // How it becomes a machine, and how operators come in.
    "cloud-init",
    "openssh-server",
    "sudo",
    // The system's part of what cloister needs on it.
    "acl",
    "attr",
    "ca-certificates",
    "e2fsprogs",
    "iproute2",
    "procps",
    "python3",
    "quota",
    // What every machine has, whatever its image.
    ...machinePackages(),
    ...release.packages,
  ];
}

/** The names of guest/boot/packages.list, which the boot of a machine looks for: here it finds all of them. */
function machinePackages(): string[] {
  const list = readFileSync(join(import.meta.dirname, "../../../guest/boot/packages.list"), "utf8");
  return [...list.matchAll(/^(?:needed|tool) (\S+)$/gm)].map(([, name]) => name ?? "");
}

/** Sizes in MiB. The file system of a 99 MiB EFI system partition is shown as 98M by df, as on the reference machine. */
export const LAYOUT = { diskMiB: 2048, espMiB: 99 };

/**
 * Identifiers of the partition table. They are the same in every image: a machine has one root disk, and its kernel finds it
 * by the partition's identifier. The types are of the Discoverable Partitions Specification.
 */
export const IDENTIFIERS = {
  disk: "5E1A6F2C-0000-4C1E-8F00-C1015CE50000",
  root: "5E1A6F2C-0001-4C1E-8F00-C1015CE50001",
  esp: "5E1A6F2C-0015-4C1E-8F00-C1015CE50015",
  espType: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  rootType: {
    amd64: "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
    arm64: "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
  },
} as const;

/** Where UEFI looks for what to start on a disk for which it has no entry (UEFI 2.10, section 3.5.1.1). */
export const EFI_ARCH = { amd64: "x64", arm64: "aa64" } as const satisfies Record<Arch, string>;

/**
 * The kernel's command line. There is no initrd: the drivers of NVMe and ext4 are built into Debian's cloud kernels.
 * `rootwait` has a limit, so that a missing disk ends in a panic on the console instead of silence.
 */
export function kernelCommandLine(arch: Arch): string {
  // An x86 kernel patches its own code while it starts. QEMU's multi-threaded emulation now and then runs the old code on
  // another processor, which is the end of the kernel ("Oops: int3"). With one processor there is no other; the rest come
  // up before systemd does (files/usr/lib/cloister/init). It also starts a third faster.
  // Each is spared the measuring of its speed, which fails on an emulated machine, after most of a second: with `lpj` the
  // kernel takes it for one of 5 GHz (250 ticks a second), so that its own short delays are never too short. Where the machine is
  // accelerated they become about twice as long, which nothing notices.
  const oneProcessor = "maxcpus=1 noreplace-smp lpj=20000000 init=/usr/lib/cloister/init";
  // On a busy computer an emulated timer may be late in the one moment in which the kernel tries it out.
  const own = arch === "arm64" ? "console=ttyAMA0" : `console=tty0 console=ttyS0,115200 no_timer_check ${oneProcessor}`;
  return `root=PARTUUID=${IDENTIFIERS.root.toLowerCase()} rootfstype=ext4 rootwait=30 rw ${own}`;
}

/**
 * Key of the image in the store: digest of the packages' names and this folder's files, which decide all of it but the
 * packages' versions.
 */
export function debianKey(arch: Arch, release: Release = RELEASES["debian-13-stand-in"]): string {
  const folder = import.meta.dirname;
  const hash = createHash("sha256").update([arch, release.suite, ...packages(arch, release)].join(" "));
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ link: entry.isSymbolicLink(), path: join(entry.parentPath ?? entry.path, entry.name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { link, path } of entries) {
    hash.update(`\n${relative(folder, path)}\n`).update(link ? readlinkSync(path) : readFileSync(path));
  }
  return hash.digest("hex");
}
