import { OPEN_FILES, type SessionLimits } from "./limits.ts";

/** The slice that all sessions are in. Its parent, `cloister.slice`, has the machine's limits. */
export const SESSIONS_SLICE = "cloister-sessions.slice";

/** A session's service, and what it depends on. */
export interface UnitSpec {
  readonly session: string;
  readonly uid: number;
  readonly gid: number;
  readonly limits: SessionLimits;
  /** After this many milliseconds systemd ends the command by itself, in case its supervisor does not. */
  readonly timeoutMs?: number;
  readonly command: readonly string[];
}

export const serviceName = (session: string) => `cloister-session-${session}.service`;
export const lifelineName = (session: string) => `cloister-lifeline-${session}.scope`;
export const mountServiceName = (session: string, name: string) => `cloister-mount-${session}-${name}.service`;
/** For systemctl(1): all units of a session's mounts. */
export const mountServicePattern = (session: string) => `cloister-mount-${session}-*.service`;

/** How long processes have between SIGTERM and SIGKILL, in seconds. */
const STOP_SECONDS = 5;

/** Lifelines and mounts are the machine's own work: they are not to be starved by what sessions use. */
const MACHINE_SLICE = "system.slice";

/**
 * systemd-run(1) for a session's lifeline: a scope with one `cat` in it, whose standard input only the supervisor holds.
 * When the supervisor ends, even by SIGKILL, `cat` reads the end of its input, the scope ends with it, and systemd stops
 * everything that is bound to the scope. What is written to `cat` comes back once the scope is there.
 */
export function lifelineArguments(session: string): string[] {
  return [
    ...["systemd-run", "--quiet", "--scope", "--collect"],
    `--unit=${lifelineName(session)}`,
    `--description=cloister: supervisor of session ${session}`,
    `--slice=${MACHINE_SLICE}`,
    "--",
    "cat",
  ];
}

const property = (name: string, value: string | number) => `--property=${name}=${value}`;

/**
 * systemd-run(1) for one command: a transient service that has the caller's standard input and outputs, runs as the
 * session's user without any capability, and is stopped with everything in it when its supervisor ends.
 */
export function serviceArguments(spec: UnitSpec): string[] {
  const { session, uid, gid, limits, timeoutMs, command } = spec;
  return [
    ...["systemd-run", "--quiet", "--pipe", "--wait", "--collect"],
    `--unit=${serviceName(session)}`,
    `--description=cloister: session ${session}`,
    `--slice=${SESSIONS_SLICE}`,
    property("User", uid),
    property("Group", gid),
    ...bound(session),
    property("KillMode", "control-group"),
    property("TimeoutStopSec", STOP_SECONDS),
    property("CapabilityBoundingSet", ""),
    property("AmbientCapabilities", ""),
    property("NoNewPrivileges", "yes"),
    property("KeyringMode", "private"),
    property("MemoryMax", `${limits.memoryMiB}M`),
    property("MemorySwapMax", 0),
    property("TasksMax", limits.tasksMax),
    property("LimitNOFILE", OPEN_FILES),
    property("LimitCORE", 0),
    property("OOMPolicy", "kill"),
    property("UMask", "0022"),
    property("WorkingDirectory", "/"),
    ...(timeoutMs === undefined ? [] : [property("RuntimeMaxSec", Math.ceil(timeoutMs / 1000) + STOP_SECONDS)]),
    "--",
    ...command,
  ];
}

/** A folder mounted into a session: a service of its own, so that it ends with the supervisor too. */
export interface MountUnitSpec {
  readonly session: string;
  readonly name: string;
  readonly target: string;
  /** bindfs and its arguments. */
  readonly command: readonly string[];
}

/** systemd-run(1) for one mount. It returns when the file system is mounted: bindfs goes to the background then. */
export function mountServiceArguments(spec: MountUnitSpec): string[] {
  return [
    ...["systemd-run", "--quiet", "--collect", "--service-type=forking"],
    `--unit=${mountServiceName(spec.session, spec.name)}`,
    `--description=cloister: folder ${spec.name} of session ${spec.session}`,
    `--slice=${MACHINE_SLICE}`,
    ...bound(spec.session),
    property("ExecStopPost", `-/bin/umount --lazy ${spec.target}`),
    "--",
    ...spec.command,
  ];
}

/** Stopped when the session's lifeline is not there, and not started before it is. */
function bound(session: string): string[] {
  return [property("BindsTo", lifelineName(session)), property("After", lifelineName(session))];
}

/** systemctl(1) to end everything in a session. */
export function stopArguments(session: string): string[] {
  return ["systemctl", "stop", serviceName(session), mountServicePattern(session), lifelineName(session)];
}
