/** Debian's and Ubuntu's name of a processor architecture. */
export type Arch = "amd64" | "arm64";

/** Releases of Ubuntu that machines can start from. */
export type UbuntuName = "ubuntu-22.04" | "ubuntu-24.04";

/** Debian images that stand in for Ubuntu. The older two are for tests: Ubuntu 22.04's versions lie between theirs. */
export type StandInName = "debian-13-stand-in" | "debian-12-stand-in" | "debian-11-stand-in";

export type BaseImageName = UbuntuName | StandInName;

/** All that may be configured. */
export const BASE_IMAGES = [
  "auto",
  "ubuntu-22.04",
  "ubuntu-24.04",
  "debian-13-stand-in",
  "debian-12-stand-in",
  "debian-11-stand-in",
] as const;

/** Which image is wanted; `auto` is Ubuntu 22.04's, or Debian 13's stand-in where Ubuntu's host cannot be reached. */
export type BaseImageChoice = (typeof BASE_IMAGES)[number];

/** A disk image of an operating system, ready to be copied and grown. Its file must not be changed. */
export interface BaseImage {
  /** Absolute path of a qcow2 file with a virtual size below 10 GiB. */
  readonly path: string;
  /** SHA-256 of that file, in lower-case hexadecimal. */
  readonly digest: string;
  readonly name: BaseImageName;
  /** True when it only stands in for the reference's operating system. */
  readonly standIn: boolean;
  /** One sentence for the user: what it is, and why this one. */
  readonly why: string;
  /** Kernel and command line for a boot without firmware, which only tests use. */
  readonly kernel?: { readonly image: string; readonly cmdline: string };
}
