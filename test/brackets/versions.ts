/** The variable that names the file for the versions that a machine tells of itself. */
export const VERSIONS_FILE = "CLOISTER_TEST_VERSIONS";

/** Programs of the distribution that machines lean on, and how each tells its version. */
const ASKED = {
  system: '. /etc/os-release && echo "$PRETTY_NAME"',
  kernel: "uname -r",
  systemd: "systemctl --version",
  "util-linux": "mount --version",
  nft: "nft --version",
  e2fsprogs: "mke2fs -V 2>&1",
  "cloud-init": "cloud-init --version 2>&1",
  python: "python3 --version",
  coreutils: "cp --version",
  openssh: "ssh -V 2>&1",
  libc: "ldd --version",
  bubblewrap: "bwrap --version",
} as const;

export const PROGRAMS = Object.keys(ASKED);

/** A script for the machine: one line for each program. */
export const VERSIONS = Object.entries(ASKED)
  .map(([program, command]) => `printf '%s\\t' ${program}; (${command}) | head -n 1`)
  .join("; ");

/** Reads the script's lines: the first version number in each; of the system, its name. */
export function versionsOf(lines: string): Record<string, string> {
  const found = lines.split("\n").flatMap((line) => {
    const [program = "", said] = line.split("\t");
    // A shell that lacks the program says so, with the number of a line.
    const version =
      program === "system" ? said : (/\d+(\.\d+)+[^\s,)]*/.exec(said ?? "") ?? /\b\d+\b/.exec(said ?? ""))?.[0];
    return version && !said?.includes("not found") ? [[program, version] as const] : [];
  });
  return Object.fromEntries(found);
}
