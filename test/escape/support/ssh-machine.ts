import { execa } from "execa";
import { sharedConnection } from "../../../infra/local/connection.ts";
import type { Paths } from "../../../infra/local/paths.ts";
import { shellQuoted, sshArguments } from "../../../infra/local/ssh.ts";
import type { Finished, Machine, RootOptions, Scale, Sealed } from "./machine.ts";

/** How a machine of the local target is reached. */
export interface SshTarget {
  readonly paths: Pick<Paths, "sshKey" | "knownHosts" | "connection">;
  /** Asked for at each call: a machine that came back has another one. */
  readonly port: () => number;
  readonly scale: Scale;
  /** Runs the operator's command on this computer. */
  readonly operator: Machine["operator"];
}

const LONGEST_MS = 1_800_000;

/** A real machine, reached as its operator reaches it: by ssh, and sudo. */
export function sshMachine({ paths, port, scale, operator }: SshTarget): Machine {
  const root = async (command: readonly string[], options: RootOptions = {}): Promise<Finished> => {
    const line = ["sudo", ...command].map(shellQuoted).join(" ");
    const { exitCode, stdout, stderr, timedOut } = await execa(
      "ssh",
      [...sharedConnection(paths), ...sshArguments(paths, port()), line],
      {
        reject: false,
        input: options.stdin ?? "",
        timeout: options.timeoutMs ?? LONGEST_MS,
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    return { exitCode: exitCode ?? 255, stdout, stderr: timedOut ? `${stderr}\n(it took too long)` : stderr };
  };
  return {
    scale,
    root,
    operator,
    async sealed(options, command) {
      const finished = await root(["cloister", "run", "--json", ...options, "--", ...command]);
      return { ...finished, ...parsed(finished.stdout) };
    },
  };
}

function parsed(stdout: string): Pick<Sealed, "run"> {
  const line = stdout.split("\n").findLast((text) => text.startsWith("{"));
  return line === undefined ? {} : { run: JSON.parse(line) as NonNullable<Sealed["run"]> };
}
