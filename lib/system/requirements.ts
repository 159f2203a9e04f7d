/** Debian's names for processors. */
export type Arch = "amd64" | "arm64";

/**
 * Groups of packages by purpose: `vm` to run a machine, `runtime-image` to make the runtime image,
 * `base-image-stand-in` to build the Debian image where Ubuntu's cannot be had, `sandbox-tests` for the tests that seal
 * commands on this computer, `container` for the tests of the container, with Debian's own podman.
 */
export const groups = ["vm", "runtime-image", "base-image-stand-in", "sandbox-tests", "container"] as const;
export type Group = (typeof groups)[number];

/** One thing that must be there, and the packages that bring it. */
export interface Requirement {
  readonly group: Group;
  /** Only for machines of this architecture; default: for all. */
  readonly arch?: Arch;
  /** Only when the machine's architecture is not this computer's. */
  readonly foreign?: true;
  /** A command, or else files any of which will do. */
  readonly probe: { readonly command: string } | { readonly files: readonly string[] } | { readonly firmware: Arch };
  /** Package of Debian and Ubuntu. */
  readonly debian: string;
  /** Formula of Homebrew; none where macOS brings it itself, or where it cannot be had there. */
  readonly brew?: string;
  /** True for what macOS cannot have. */
  readonly linuxOnly?: true;
}

export const requirements: readonly Requirement[] = [
  { group: "vm", arch: "amd64", probe: { command: "qemu-system-x86_64" }, debian: "qemu-system-x86", brew: "qemu" },
  { group: "vm", arch: "arm64", probe: { command: "qemu-system-aarch64" }, debian: "qemu-system-arm", brew: "qemu" },
  { group: "vm", probe: { command: "qemu-img" }, debian: "qemu-utils", brew: "qemu" },
  { group: "vm", arch: "amd64", probe: { firmware: "amd64" }, debian: "ovmf", brew: "qemu" },
  { group: "vm", arch: "arm64", probe: { firmware: "arm64" }, debian: "qemu-efi-aarch64", brew: "qemu" },
  { group: "vm", probe: { command: "xorriso" }, debian: "xorriso", brew: "xorriso" },
  { group: "vm", probe: { command: "ssh" }, debian: "openssh-client" },
  { group: "vm", probe: { command: "ssh-keygen" }, debian: "openssh-client" },
  { group: "vm", probe: { command: "ps" }, debian: "procps" },
  { group: "runtime-image", probe: { command: "mksquashfs" }, debian: "squashfs-tools", brew: "squashfs" },
  { group: "base-image-stand-in", probe: { command: "mmdebstrap" }, debian: "mmdebstrap", linuxOnly: true },
  {
    group: "base-image-stand-in",
    probe: { files: ["/usr/share/keyrings/debian-archive-keyring.gpg"] },
    debian: "debian-archive-keyring",
    linuxOnly: true,
  },
  // Lets an ordinary user's build have the user ids of a whole system (user_namespaces(7)).
  { group: "base-image-stand-in", probe: { command: "newuidmap" }, debian: "uidmap", linuxOnly: true },
  { group: "base-image-stand-in", probe: { command: "sfdisk" }, debian: "fdisk", linuxOnly: true },
  { group: "base-image-stand-in", probe: { command: "mkfs.ext4" }, debian: "e2fsprogs", linuxOnly: true },
  { group: "base-image-stand-in", probe: { command: "mkfs.vfat" }, debian: "dosfstools", linuxOnly: true },
  { group: "base-image-stand-in", probe: { command: "mcopy" }, debian: "mtools", linuxOnly: true },
  { group: "base-image-stand-in", probe: { command: "qemu-img" }, debian: "qemu-utils", linuxOnly: true },
  {
    group: "base-image-stand-in",
    foreign: true,
    probe: { command: "arch-test" },
    debian: "arch-test",
    linuxOnly: true,
  },
  {
    group: "base-image-stand-in",
    foreign: true,
    probe: { files: ["/usr/bin/qemu-aarch64-static", "/usr/bin/qemu-aarch64"] },
    debian: "qemu-user-static",
    linuxOnly: true,
  },
  {
    group: "base-image-stand-in",
    foreign: true,
    probe: { files: ["/usr/sbin/update-binfmts"] },
    debian: "binfmt-support",
    linuxOnly: true,
  },
  ...["bubblewrap:bwrap", "socat:socat", "iproute2:ip", "nftables:nft", "ripgrep:rg", "python3:python3"]
    .map((pair) => pair.split(":") as [string, string])
    .map(([debian, command]): Requirement => ({ group: "sandbox-tests", probe: { command }, debian, linuxOnly: true })),
  { group: "container", probe: { command: "podman" }, debian: "podman", linuxOnly: true },
  // Takes control groups of both versions side by side, which crun refuses.
  { group: "container", probe: { command: "runc" }, debian: "runc", linuxOnly: true },
  { group: "container", probe: { command: "iptables" }, debian: "iptables", linuxOnly: true },
  { group: "container", probe: { files: ["/usr/lib/podman/netavark"] }, debian: "netavark", linuxOnly: true },
  { group: "container", probe: { files: ["/usr/lib/podman/aardvark-dns"] }, debian: "aardvark-dns", linuxOnly: true },
];
