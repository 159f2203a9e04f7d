import type { HomeLimit } from "../sessions/limits.ts";
import type { MountMode } from "../sessions/request.ts";
import { SYSTEM_PATH } from "./environment.ts";
import type { Layout } from "./layout.ts";
import {
  HTTP_PORT,
  HTTP_SOCKET,
  INSIDE_PROGRAMS,
  INSIDE_SOCKETS,
  MOUNTS,
  type RuntimeFiles,
  SOCKS_PORT,
  SOCKS_SOCKET,
} from "./paths.ts";

/** The place of a session's `/tmp`, `/dev/shm` and mounts. */
export type Scratch =
  /**
   * A file system of limited size that the launcher mounts at `folder`, in the command's own mount namespace. Machines
   * use this kind. It needs root: see {@link Outside}.
   */
  | { readonly kind: "launcher"; readonly folder: string; readonly sizeMiB: number; readonly shown: readonly Shown[] }
  /** Folders that exist already, without a limited size. This kind is for a supervisor that is not root. */
  | {
      readonly kind: "folders";
      readonly tmp: string;
      readonly shm: string;
      /** Folder with copies of {@link PROGRAMS} that only root may read. Absent: the system's own are used. */
      readonly programs?: string;
      readonly bound?: Bound;
    }
  /**
   * File systems in memory that bubblewrap makes for one command. `--size` needs bubblewrap 0.7; Ubuntu 22.04 has
   * 0.6.1.
   */
  | { readonly kind: "tmpfs"; readonly sizeBytes: number };

/** A folder that is shown to the session. */
export interface Shown {
  /** Name below `mnt/`. */
  readonly name: string;
  readonly mode: MountMode;
  /** Number of a descriptor of this process that is the folder itself. */
  readonly descriptor: number;
}

/** Folders that bubblewrap binds itself: no part of their paths may be a session's to change. */
export interface Bound {
  /** The folder that is mounted as `mnt`. It has an empty folder for each of `folders`. */
  readonly places: string;
  readonly folders: readonly { readonly name: string; readonly mode: MountMode; readonly source: string }[];
}

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
  /**
   * The state that the chain enters before it becomes bubblewrap. Absent: the session's user has started it already.
   */
  readonly outside?: Outside;
  /** The command's whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Time within which the bridges must listen, in milliseconds. Default: 30000. */
  readonly bridgeWaitMs?: number;
  readonly command: readonly string[];
}

/** The work of root's side of the chain before it becomes the session's user. */
export interface Outside {
  /**
   * True when the supervisor is the session's user itself, not root. The chain then begins in a user namespace, in
   * which that user has the rights that root has elsewhere. Default: false.
   */
  readonly ordinary?: boolean;
  /** Folder of the session's control group. Absent: the chain stays in the supervisor's. */
  readonly cgroup?: string;
  /** Limit of open files. */
  readonly openFiles: number;
  /** Process number of the supervisor: the chain dies with it. Absent: it dies with the process that starts it. */
  readonly parent?: number;
  /**
   * The time when the session began, in nanoseconds since 1970. In a folder of mode `rw` or `trash` the session may
   * delete what is younger.
   */
  readonly since: bigint;
  /** The maximum that the home may hold. Absent: the disk is the only limit. */
  readonly homeLimit?: HomeLimit;
}

/** Descriptors of the chain. Those of the supervisor's own come first, then {@link Shown} folders, in their order. */
const ENVIRONMENT_FD = 3;
const MARK_FD = 4;
const FIRST_FOLDER_FD = 5;
const FILTER_FD = 10;
const USERNS_FD = 11;
const GUARD_FD = 12;

/**
 * Programs that run from copies which only root may read. Another process of the session's user cannot trace such a
 * process.
 */
const PROGRAMS = ["bwrap", "bash", "socat"];

/** The arguments, the secrets and the descriptors with which a chain is started. */
export interface Launch {
  readonly command: readonly string[];
  /**
   * The text to write to descriptor 3: the command's environment. It must not be in a command line, which everybody on
   * the machine may read. Only the command itself gets it: otherwise bash would run what BASH_ENV names, and every
   * program would load what LD_PRELOAD names, before the last filter is loaded.
   */
  readonly secrets: string;
  /**
   * Descriptors of this process that the chain gets, from number 5 on. On number 4 the chain tells when the command
   * starts.
   */
  readonly descriptors: readonly number[];
}

/**
 * Makes the command line of the whole chain. First `apply-seccomp launch` enters the session's control group, mounts
 * the session's own file systems in its own mount namespace, becomes its user without any capability, closes inherited
 * descriptors and opens the base filter. Then bubblewrap makes the other namespaces and becomes PID 1, and bash (PID 2)
 * starts the two bridges (PIDs 3 and 4). Last, `apply-seccomp` (PID 5) waits for the bridges, loads the second filter
 * and becomes the command.
 */
export function launchArguments(spec: SandboxSpec): Launch {
  const { outside, uid, gid, scratch, runtime } = spec;
  const shown = scratch.kind === "launcher" ? scratch.shown : [];
  return {
    command: [
      ...(outside?.ordinary ? OWN_NAMESPACE : []),
      ...[runtime.applySeccomp, "launch", "--fd", `${FILTER_FD}=${runtime.baseFilter}`],
      ...["--keep", String(ENVIRONMENT_FD), "--keep", String(MARK_FD)],
      ...["--filter", runtime.launcherFilter],
      ...(outside === undefined
        ? []
        : [
            ...(outside.cgroup === undefined ? [] : ["--cgroup", outside.cgroup]),
            ...["--user", `${uid}:${gid}`],
            ...["--open-files", String(outside.openFiles)],
            ...(outside.parent === undefined ? [] : ["--parent", String(outside.parent)]),
            ...["--userns", String(USERNS_FD)],
            ...homeArguments(spec.home, outside.homeLimit),
          ]),
      ...(scratch.kind === "launcher" ? scratchArguments(scratch) : []),
      ...(outside === undefined || !guarded(spec)
        ? []
        : [
            ...["--guard", String(GUARD_FD), "--since", String(outside.since)],
            ...boundFolders(spec).flatMap(({ name, mode }) =>
              isGuarded(mode) ? ["--guarded", `${mode}:${name}`] : [],
            ),
            ...["--folders-at", `${spec.home}/${MOUNTS}`],
          ]),
      ...["--", outsideProgram(spec, "bwrap"), ...bwrapArguments(spec)],
    ],
    secrets: Object.entries(spec.environment)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(""),
    descriptors: shown.map(({ descriptor }) => descriptor),
  };
}

/** util-linux's unshare(1) becomes the program that it starts: it adds no process to the chain. */
const OWN_NAMESPACE = ["unshare", "--user", "--map-current-user", "--keep-caps", "--"];

function homeArguments(home: string, limit: HomeLimit | undefined): string[] {
  return limit === undefined ? [] : ["--home", home, "--home-limit", `${limit.mib}:${limit.files}`];
}

function scratchArguments({ folder, sizeMiB, shown }: Extract<Scratch, { kind: "launcher" }>): string[] {
  return [
    ...["--scratch", folder, "--tmp-mib", String(sizeMiB)],
    ...PROGRAMS.flatMap((program) => ["--program", program]),
    ...shown.flatMap(({ name, mode }, index) => ["--folder", `${FIRST_FOLDER_FD + index}:${mode}:${name}`]),
  ];
}

/** Returns true when the guard must decide about deletions: a mount itself cannot tell them from writing. */
function guarded(spec: SandboxSpec): boolean {
  const folders = spec.scratch.kind === "launcher" ? spec.scratch.shown : boundFolders(spec);
  return folders.some(({ mode }) => isGuarded(mode));
}

const isGuarded = (mode: MountMode): boolean => mode === "rw" || mode === "trash";

const boundFolders = ({ scratch }: SandboxSpec): Bound["folders"] =>
  scratch.kind === "folders" ? (scratch.bound?.folders ?? []) : [];

/** Folder of the programs that only root may read. */
function programs({ scratch }: SandboxSpec): string | undefined {
  if (scratch.kind === "launcher") return `${scratch.folder}/programs`;
  return scratch.kind === "folders" ? scratch.programs : undefined;
}

function outsideProgram(spec: SandboxSpec, name: string): string {
  const folder = programs(spec);
  return folder === undefined ? name : `${folder}/${name}`;
}

const insideProgram = (spec: SandboxSpec, name: string): string =>
  programs(spec) === undefined ? name : `${INSIDE_PROGRAMS}/${name}`;

/** Bubblewrap's arguments. All flags exist in bubblewrap 0.6.1, except `--size` for {@link Scratch} of kind tmpfs. */
export function bwrapArguments(spec: SandboxSpec): string[] {
  return [
    ...namespaces(spec),
    ...["--proc", "/proc", "--dev", "/dev"],
    // A process namespace does not hide there the locks of open files (fcntl, F_OFD_SETLK), whoever holds them.
    ...["--dev-bind", "/dev/null", "/proc/locks"],
    ...scratch(spec.scratch),
    ...root(spec),
    ...identity(spec),
    ...["--symlink", "../tmp", "/var/tmp"],
    ...["--ro-bind", spec.sockets, INSIDE_SOCKETS],
    ...programArguments(spec),
    // Mount the home last: a home that was kept may contain links, which could lead a later mount to another place.
    ...["--bind", spec.home, spec.home],
    ...mountArguments(spec),
    // The folders that bubblewrap made itself are on file systems without a size limit: nothing may be written there.
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", spec.cwd],
    ...["--clearenv", "--setenv", "PATH", SYSTEM_PATH],
    ...["--seccomp", String(FILTER_FD)],
    ...[
      "--",
      insideProgram(spec, "bash"),
      "--norc",
      "--noprofile",
      "-c",
      bridgesScript(insideProgram(spec, "socat")),
      "bash",
    ],
    ...insideArguments(spec),
  ];
}

function programArguments(spec: SandboxSpec): string[] {
  const folder = programs(spec);
  return folder === undefined ? [] : ["--ro-bind", folder, INSIDE_PROGRAMS];
}

function mountArguments({ home, scratch }: SandboxSpec): string[] {
  const at = `${home}/${MOUNTS}`;
  if (scratch.kind === "launcher") return ["--bind", `${scratch.folder}/mnt`, at];
  if (scratch.kind !== "folders" || scratch.bound === undefined) return [];
  const { places, folders } = scratch.bound;
  return [
    ...["--ro-bind", places, at],
    ...folders.flatMap(({ name, mode, source }) => [mode === "ro" ? "--ro-bind" : "--bind", source, `${at}/${name}`]),
  ];
}

function namespaces({ uid, gid, hostname, outside }: SandboxSpec): string[] {
  return [
    // Root's side of the chain has made a user namespace already, so a machine need not let its users make any.
    ...(outside === undefined ? ["--unshare-user"] : ["--userns", String(USERNS_FD)]),
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

/** ssh's own settings are the only ones that all programs use which start it. */
const SSH = "/etc/ssh";

function root({ layout: { shown, emptied }, empty, runtime }: SandboxSpec): string[] {
  return [
    ...shown.flatMap((entry) =>
      entry.kind === "link" ? ["--symlink", entry.target, entry.path] : ["--ro-bind", entry.path, entry.path],
    ),
    ...emptied.flatMap((path) => ["--ro-bind", path === SSH ? runtime.ssh : empty, path]),
    // Programs expect these folders to exist; on the sealed root they stay empty.
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
  if (where.kind === "launcher") {
    return [
      ...["--bind", `${where.folder}/tmp`, "/tmp", "--bind", `${where.folder}/shm`, "/dev/shm"],
      // Bubblewrap's own has no limit, and the kernel counts the terminals of all sessions together.
      ...["--dev-bind", `${where.folder}/pts`, "/dev/pts"],
    ];
  }
  if (where.kind === "folders") return ["--bind", where.tmp, "/tmp", "--bind", where.shm, "/dev/shm"];
  const size = ["--size", String(where.sizeBytes)];
  return [...size, "--tmpfs", "/tmp", ...size, "--tmpfs", "/dev/shm"];
}

/**
 * Returns the script of bash (PID 2): two bridges in the background, then the command given as its arguments. The
 * command must not be the script's last line, or bash would become the command instead of waiting for it.
 *
 * `-t 3600`: when one direction is closed, socat lets the other go on for an hour instead of half a second: a host may
 * think for long about the last of a request.
 * `-lm`: once it listens, it says no more on stderr, which is the command's: a refused request is the proxy's to tell.
 * The descriptors that are closed are for the command's last link alone.
 * `backlog=128`: socat's own 5 makes the sixth of many connections at once wait for a second.
 */
export function bridgesScript(socat = "socat"): string {
  const closed = [ENVIRONMENT_FD, MARK_FD, USERNS_FD, GUARD_FD].map((number) => `${number}>&-`).join(" ");
  const bridge = (port: number, socket: string) =>
    `${socat} -lm -t 3600 TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=128 UNIX-CONNECT:${INSIDE_SOCKETS}/${socket} ${closed} &`;
  return [bridge(HTTP_PORT, HTTP_SOCKET), bridge(SOCKS_PORT, SOCKS_SOCKET), '"$@"', "exit $?"].join("\n");
}

function insideArguments(spec: SandboxSpec): string[] {
  const { runtime, bridgeWaitMs, command } = spec;
  return [
    runtime.applySeccomp,
    ...["--wait", `${HTTP_PORT},${SOCKS_PORT}`],
    ...(bridgeWaitMs === undefined ? [] : ["--wait-ms", String(bridgeWaitMs)]),
    ...["--mark", String(MARK_FD), "--environment", String(ENVIRONMENT_FD)],
    ...(guarded(spec) ? ["--guard", String(GUARD_FD)] : []),
    ...["--filter", runtime.unixFilter],
    "--",
    ...command,
  ];
}
