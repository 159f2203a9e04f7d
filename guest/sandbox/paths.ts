import { portOf, REFERENCE } from "../../contract/reference.ts";
import { INSIDE } from "../../contract/run-files.ts";

/** Paths that the chain of one command uses inside its sandbox. */

/** Folder with the session's two proxy sockets. Only the bridges can use them: AF_UNIX is refused to the command. */
export const INSIDE_SOCKETS = INSIDE.sockets;
export const HTTP_SOCKET = "http.sock";
export const SOCKS_SOCKET = "socks.sock";

/** Folder with the programs that only root may read (see guest/seal/internal/scratch). */
export const INSIDE_PROGRAMS = INSIDE.programs;

/** Name of the folder in a session's home that has its mounts. */
export const MOUNTS = "mnt";

/** Loopback ports of the bridges inside (rows E1, E2). */
export const HTTP_PORT = portOf(REFERENCE.E1);
export const SOCKS_PORT = portOf(REFERENCE.E2);

/** The folder where the runtime image is mounted. */
export const RUNTIME_ROOT = "/opt/cloister";

/** Programs and filters of the runtime image that the chain uses. */
export interface RuntimeFiles {
  readonly applySeccomp: string;
  /** The guard's program, beside {@link applySeccomp}, which starts it. */
  readonly guard: string;
  readonly launcherFilter: string;
  readonly baseFilter: string;
  readonly unixFilter: string;
  /** Leads programs to the HTTP proxy that cannot go there by themselves. */
  readonly proxied: string;
  /** sandbox-runtime's agent for Java. */
  readonly javaAgent: string;
  /** The folder that sessions see as `/etc/ssh`. */
  readonly ssh: string;
}

export function runtimeFiles(root: string = RUNTIME_ROOT): RuntimeFiles {
  return {
    applySeccomp: `${root}/bin/apply-seccomp`,
    guard: `${root}/bin/guard`,
    launcherFilter: `${root}/seccomp/launcher.bpf`,
    baseFilter: `${root}/seccomp/base.bpf`,
    unixFilter: `${root}/seccomp/unix.bpf`,
    proxied: `${root}/bin/proxied`,
    javaAgent: `${root}/lib/srt-proxy-agent.jar`,
    ssh: `${root}/ssh`,
  };
}
