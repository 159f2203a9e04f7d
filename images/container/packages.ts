/** The distribution that a base is made from where none can be had. */
export const SUITE = "trixie";

/**
 * What sessions need, and what agents expect to find, as Debian and Ubuntu name it. The rest comes as dependencies; recommended packages
 * are not installed.
 */
export const PACKAGES = [
  "bash",
  "bubblewrap",
  "ca-certificates",
  "curl",
  "git",
  "jq",
  "less",
  "procps",
  "ripgrep",
  "socat",
  "util-linux",
] as const;
