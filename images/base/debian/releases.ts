import type { StandInName } from "../types.ts";

/** One release of Debian, as the base of an image. */
export interface Release {
  readonly name: StandInName;
  readonly version: 11 | 12 | 13;
  /** Debian's code name. */
  readonly suite: "bullseye" | "bookworm" | "trixie";
  /**
   * The release whose kernel the image has. The reference's is 6.8, also under Ubuntu 22.04's userland; Debian 11's own (5.10) has
   * no id-mapped mounts, and Debian 12's (6.1) no filter of connections to Unix sockets. So Debian 13's (6.12) runs under all.
   */
  readonly kernelSuite: "trixie";
  /** Packages beside those of all releases. */
  readonly packages: readonly string[];
  /** The release whose bubblewrap is compiled for this one, which has an older one than Ubuntu 22.04's 0.6.1. */
  readonly bubblewrapSuite?: "bookworm";
}

/** The release whose systemd makes the boot program of all images: the older ones have no ukify. */
export const BOOT_SUITE = "trixie";

/**
 * Debian 13 is what machines start from where Ubuntu's image cannot be had. The older two lie below and above Ubuntu 22.04: the
 * machine's tests run on both (`npm run test:brackets`). Their root disks grow as Ubuntu's do, by cloud-init.
 */
export const RELEASES: Readonly<Record<StandInName, Release>> = {
  "debian-13-stand-in": {
    name: "debian-13-stand-in",
    version: 13,
    suite: "trixie",
    kernelSuite: "trixie",
    packages: ["systemd-resolved", "systemd-repart", "systemd-boot-efi", "systemd-ukify"],
  },
  "debian-12-stand-in": {
    name: "debian-12-stand-in",
    version: 12,
    suite: "bookworm",
    kernelSuite: "trixie",
    packages: ["systemd-resolved", "cloud-guest-utils"],
  },
  "debian-11-stand-in": {
    name: "debian-11-stand-in",
    version: 11,
    suite: "bullseye",
    kernelSuite: "trixie",
    packages: ["cloud-guest-utils", "libcap-dev"],
    bubblewrapSuite: "bookworm",
  },
};

export const STAND_INS = Object.keys(RELEASES) as StandInName[];

export const isStandIn = (name: string): name is StandInName => Object.hasOwn(RELEASES, name);
