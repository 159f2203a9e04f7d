import type { Layout } from "./layout.ts";
import {
  HTTP_PORT,
  HTTP_SOCKET,
  INSIDE_MARK_FOLDER,
  INSIDE_SOCKETS,
  MARK_FILE,
  type RuntimeFiles,
  SOCKS_PORT,
  SOCKS_SOCKET,
} from "./paths.ts";

/** Where a session's `/tmp` and `/dev/shm` are. */
export type Scratch =
  /** Folders on a file system of limited size that belongs to the session: what machines use. They outlive a command. */
  | { readonly kind: "folders"; readonly tmp: string; readonly shm: string; readonly mark: string }
  /** Made by bubblewrap for one command. `--size` needs bubblewrap 0.7; Ubuntu 22.04 has 0.6.1. */
  | { readonly kind: "tmpfs"; readonly sizeBytes: number };

/** All that decides how one command is sealed. */
export interface SandboxSpec {
  /** Absolute path of the session's home, the same inside and outside: `/sessions/<name>`. */
  readonly home: string;
  /** Working directory inside. */
  readonly cwd: string;
  /** The session's Unix user: the only one that exists in its user namespace. */
  readonly uid: number;
  readonly gid: number;
  /** Host name inside (row O3). */
  readonly hostname: string;
  readonly layout: Layout;
  /** An empty folder of the machine, to be shown in the place of others. */
  readonly empty: string;
  readonly scratch: Scratch;
  /** Files on the machine that take the place of `/etc/passwd` and `/etc/group`: no other session's user is in them. */
  readonly passwd: string;
  readonly group: string;
  /** Folder on the machine with the session's two proxy sockets. */
  readonly sockets: string;
  readonly runtime: RuntimeFiles;
  /** What the chain enters before it is bubblewrap. Absent: it is started by the session's user already. */
  readonly outside?: Outside;
  /** The command's whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long the bridges may take to listen, in milliseconds. Default: 30000. */
  readonly bridgeWaitMs?: number;
  readonly command: readonly string[];
}

/** What root's side of the chain does before it becomes the session's user. */
export interface Outside {
  /** Folder of the session's control group. */
  readonly cgroup: string;
  /** Limit of open files. */
  readonly openFiles: number;
  /** Process number of the supervisor: the chain dies with it. */
  readonly parent: number;
}

/** Descriptor on which bubblewrap reads the base filter. Below 10 are those that shells and services hand on. */
const FILTER_FD = 10;

/**
 * The whole chain, from outside: `apply-seccomp launch` enters the session's control group, becomes its user without any
 * capability, closes what was inherited and opens the base filter; bubblewrap makes the namespaces and becomes PID 1, bash (PID 2) starts the two bridges (PIDs 3 and 4), and
 * `apply-seccomp` (PID 5) waits for them, loads the second filter and becomes the command.
 */
export function launchArguments(spec: SandboxSpec): string[] {
  const { outside, uid, gid } = spec;
  const { applySeccomp, baseFilter } = spec.runtime;
  return [
    ...[applySeccomp, "launch", "--fd", `${FILTER_FD}=${baseFilter}`],
    ...(outside === undefined
      ? []
      : [
          ...["--cgroup", outside.cgroup, "--user", `${uid}:${gid}`],
          ...["--open-files", String(outside.openFiles), "--parent", String(outside.parent)],
        ]),
    ...["--", "bwrap", ...bwrapArguments(spec)],
  ];
}

/** Bubblewrap's arguments. All flags exist in bubblewrap 0.6.1, except `--size` for {@link Scratch} of kind tmpfs. */
export function bwrapArguments(spec: SandboxSpec): string[] {
  return [
    ...namespaces(spec),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...scratch(spec.scratch),
    ...root(spec),
    ...identity(spec),
    ...["--symlink", "../tmp", "/var/tmp"],
    ...["--ro-bind", spec.sockets, INSIDE_SOCKETS],
    ...["--bind", spec.home, spec.home],
    // What bubblewrap made itself is on file systems without a size: nothing may be written there.
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", spec.cwd],
    ...["--clearenv", ...Object.entries(spec.environment).flatMap(([name, value]) => ["--setenv", name, value])],
    ...["--seccomp", String(FILTER_FD)],
    ...["--", "bash", "--norc", "--noprofile", "-c", bridgesScript(), "bash"],
    ...insideArguments(spec),
  ];
}

function namespaces({ uid, gid, hostname }: SandboxSpec): string[] {
  return [
    "--unshare-user",
    ...["--uid", String(uid), "--gid", String(gid)],
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    ...["--hostname", hostname],
    "--die-with-parent",
    "--new-session",
    ...["--cap-drop", "ALL"],
  ];
}

function root({ layout: { shown, emptied }, empty }: SandboxSpec): string[] {
  return [
    ...shown.flatMap((entry) =>
      entry.kind === "link" ? ["--symlink", entry.target, entry.path] : ["--ro-bind", entry.path, entry.path],
    ),
    ...emptied.flatMap((path) => ["--ro-bind", empty, path]),
    // Programs expect these to be there; on the sealed root they stay empty.
    ...["/run", "/sessions", "/var/log", "/var/cache", "/root", "/home", "/mnt", "/srv"].flatMap((path) => [
      "--dir",
      path,
    ]),
  ];
}

function identity({ passwd, group }: SandboxSpec): string[] {
  return ["--ro-bind", passwd, "/etc/passwd", "--ro-bind", group, "/etc/group"];
}

function scratch(where: Scratch): string[] {
  if (where.kind === "folders") {
    return [
      ...["--bind", where.tmp, "/tmp"],
      ...["--bind", where.shm, "/dev/shm"],
      ...["--bind", where.mark, INSIDE_MARK_FOLDER],
    ];
  }
  const size = ["--size", String(where.sizeBytes)];
  return [...size, "--tmpfs", "/tmp", ...size, "--tmpfs", "/dev/shm"];
}

/**
 * What bash (PID 2) runs: two bridges in the background, then the command given as its arguments. It must not be the
 * script's last line, or bash would become the command instead of waiting for it.
 *
 * `-t 60`: when one direction is closed, socat lets the other go on for a minute instead of half a second.
 * `-lm`: once it listens, it says no more on stderr, which is the command's: a refused request is the proxy's to tell.
 * `backlog=128`: socat's own 5 makes the sixth of many connections at once wait for a second.
 */
export function bridgesScript(): string {
  const bridge = (port: number, socket: string) =>
    `socat -lm -t 60 TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=128 UNIX-CONNECT:${INSIDE_SOCKETS}/${socket} &`;
  return [bridge(HTTP_PORT, HTTP_SOCKET), bridge(SOCKS_PORT, SOCKS_SOCKET), '"$@"', "exit $?"].join("\n");
}

function insideArguments({ runtime, scratch: { kind }, bridgeWaitMs, command }: SandboxSpec): string[] {
  return [
    runtime.applySeccomp,
    ...["--wait", `${HTTP_PORT},${SOCKS_PORT}`],
    ...(bridgeWaitMs === undefined ? [] : ["--wait-ms", String(bridgeWaitMs)]),
    ...(kind === "folders" ? ["--mark", `${INSIDE_MARK_FOLDER}/${MARK_FILE}`] : []),
    ...["--filter", runtime.unixFilter],
    "--",
    ...command,
  ];
}
