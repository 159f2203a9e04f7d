import { sha256 } from "../../../lib/store.ts";
import type { Arch } from "../types.ts";

/**
 * The build of Ubuntu 22.04's server cloud image that machines are made from: Canonical's serial of it. To move to a newer
 * one, change this line (serials: cloud-images.ubuntu.com/releases/jammy/). Nothing else about the image is written here:
 * its checksum comes from the list that Canonical signs for each build.
 */
export const SERIAL = "20260913";

/** Canonical's host of cloud images. */
export const HOST = "https://cloud-images.ubuntu.com";

/** One published build: a folder with a signed list of checksums. */
export interface Build {
  /** Address of the folder, ending in `/`. */
  readonly folder: string;
  /** The image's name in it and in its SHA256SUMS. */
  readonly file: string;
}

/** The pinned build. */
export function pinned(arch: Arch, host = HOST): Build {
  return { folder: `${host}/releases/jammy/release-${SERIAL}/`, file: `ubuntu-22.04-server-cloudimg-${arch}.img` };
}

/** Today's build: what is left when the pinned one is no longer published (Canonical removes builds after some months). */
export function current(arch: Arch, host = HOST): Build {
  return { folder: `${host}/jammy/current/`, file: `jammy-server-cloudimg-${arch}.img` };
}

/** Key of the image in the store. */
export function ubuntuKey(arch: Arch): string {
  return sha256(`ubuntu-22.04 ${SERIAL} ${arch}`);
}
