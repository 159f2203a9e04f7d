import { sharedConnection } from "../../infra/local/connection.ts";
import type { Paths } from "../../infra/local/paths.ts";
import { sshArguments } from "../../infra/local/ssh.ts";
import { OperatorError } from "../errors.ts";
import { handOver, processChannel } from "../remote-helper/process-channel.ts";
import { RemoteHelperTransport } from "../remote-helper/transport.ts";
import type { Transport } from "../transport.ts";

/** The way to a local machine: ssh, with the machine's own key and its own list of known hosts. */
export function sshTransport(
  machine: string,
  paths: Pick<Paths, "sshKey" | "knownHosts" | "connection">,
  port: number,
): Transport {
  const reach = [...sharedConnection(paths), ...sshArguments(paths, port)];
  return new RemoteHelperTransport(machine, {
    open: (commandLine) => processChannel("ssh", ["-T", ...reach, commandLine]).catch(explain),
    // If there is no terminal here, there is none on the machine: a script may then write commands into the shell.
    shell: () => handOver("ssh", [process.stdin.isTTY ? "-t" : "-T", ...reach]).catch(explain),
  });
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOENT") throw error;
  throw new OperatorError("there is no ssh on this computer: install OpenSSH's client (Debian: openssh-client)", {
    code: "CLOISTER_E_PROGRAM_MISSING",
  });
}
