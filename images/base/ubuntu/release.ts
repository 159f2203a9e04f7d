import { sha256 } from "../../../lib/store.ts";
import type { Arch, UbuntuName } from "../types.ts";

/** One release of Ubuntu. */
export interface UbuntuRelease {
  readonly name: UbuntuName;
  readonly version: "22.04" | "24.04";
  /** Canonical's code name, in addresses and in names of images. */
  readonly codename: "jammy" | "noble";
  /**
   * The build of the server cloud image that machines are made from: Canonical's serial of it. Absent: today's build, which is
   * kept in the cache once it is there. Nothing else about the image is written here: its checksum comes from the list that
   * Canonical signs for each build.
   */
  readonly serial?: string;
}

/**
 * The releases. To move to a newer build, change its serial (serials: cloud-images.ubuntu.com/releases/CODENAME/). Machines of
 * 24.04 have not been tried with any build yet, so none is pinned.
 */
export const UBUNTU: Readonly<Record<UbuntuName, UbuntuRelease>> = {
  "ubuntu-22.04": { name: "ubuntu-22.04", version: "22.04", codename: "jammy", serial: "20260913" },
  "ubuntu-24.04": { name: "ubuntu-24.04", version: "24.04", codename: "noble" },
};

const DEFAULT = UBUNTU["ubuntu-22.04"];

export const isUbuntu = (name: string): name is UbuntuName => Object.hasOwn(UBUNTU, name);

/** Canonical's host of cloud images. */
export const HOST = "https://cloud-images.ubuntu.com";

/** One published build: a folder with a signed list of checksums. */
export interface Build {
  /** Address of the folder, ending in `/`. */
  readonly folder: string;
  /** The image's name in it and in its SHA256SUMS. */
  readonly file: string;
}

/** The pinned build; today's where none is. */
export function pinned(arch: Arch, host = HOST, release = DEFAULT): Build {
  const { codename, version, serial } = release;
  if (serial === undefined) return current(arch, host, release);
  return {
    folder: `${host}/releases/${codename}/release-${serial}/`,
    file: `ubuntu-${version}-server-cloudimg-${arch}.img`,
  };
}

/** Today's build: what is left when the pinned one is no longer published (Canonical removes builds after some months). */
export function current(arch: Arch, host = HOST, { codename }: UbuntuRelease = DEFAULT): Build {
  return { folder: `${host}/${codename}/current/`, file: `${codename}-server-cloudimg-${arch}.img` };
}

/** Key of the image in the store. */
export function ubuntuKey(arch: Arch, { name, serial = "current" }: UbuntuRelease = DEFAULT): string {
  return sha256(`${name} ${serial} ${arch}`);
}
