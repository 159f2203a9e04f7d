import type { Paths } from "./paths.ts";

/** The user that the operator logs in as. */
export const OPERATOR = "operator";

/**
 * Arguments of ssh(1) that reach the machine and nothing else: its own key, its own list of known hosts, no agent, no
 * forwarding, no configuration of the user's. Commands follow behind them.
 */
export function sshArguments(paths: Pick<Paths, "sshKey" | "knownHosts">, port: number): string[] {
  const options = {
    IdentityFile: quoted(paths.sshKey),
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    UserKnownHostsFile: quoted(paths.knownHosts),
    GlobalKnownHostsFile: "/dev/null",
    // The first connection to a new machine goes over loopback to the port that we gave QEMU ourselves.
    StrictHostKeyChecking: "accept-new",
    PreferredAuthentications: "publickey",
    ForwardAgent: "no",
    BatchMode: "yes",
    ConnectTimeout: "60",
    ServerAliveInterval: "30",
    LogLevel: "ERROR",
  };
  return [
    ...["-F", "none", "-p", String(port)],
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    `${OPERATOR}@127.0.0.1`,
  ];
}

/**
 * The same as one line that a person can paste into a shell. It takes no configuration of the user's either, which may forward
 * an agent or a display to every host: root in the machine would have them. Nor does it offer the keys of an agent, by which
 * root would know the user elsewhere, and which a server that allows few attempts may count.
 */
export function sshCommand(paths: Pick<Paths, "sshKey" | "knownHosts">, port: number): string {
  const options = ["IdentitiesOnly=yes", "IdentityAgent=none", `UserKnownHostsFile=${paths.knownHosts}`];
  const short = ["-F", "none", "-i", paths.sshKey, "-p", String(port), ...options.flatMap((option) => ["-o", option])];
  return ["ssh", ...short, `${OPERATOR}@127.0.0.1`].map(shellQuoted).join(" ");
}

/** One word, so that a POSIX shell reads it as it is. ssh hands a command to a shell on the other side. */
export function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** ssh splits option values at white space unless they are quoted (ssh_config(5)). */
function quoted(value: string): string {
  return `"${value}"`;
}
