import type { SessionLimits } from "./limits.ts";

/** The slice that all sessions are in. Its parent, `cloister.slice`, has the machine's limits. */
export const SESSIONS_SLICE = "cloister-sessions.slice";

export const scopeName = (session: string) => `cloister-session-${session}.scope`;

/** Time between SIGTERM and SIGKILL when systemd stops a session, in seconds. */
const STOP_SECONDS = 5;

/** The weight of a session among all others (cgroups(7): 1 to 10,000): that of a group that was given none. */
const CPU_WEIGHT = 100;

const property = (name: string, value: string | number) => `--property=${name}=${value}`;

/**
 * systemd-run(1) for a session's scope: the limits of everything in it, and the tie to its supervisor. It begins with
 * one `cat`, whose standard input only the supervisor holds. `cat` sends written bytes back once the scope is there.
 * When the supervisor ends, even by SIGKILL, `cat` ends with it. Commands are started into the scope's control group by
 * the supervisor itself (`apply-seccomp launch --cgroup`) and die with it too; a scope without processes is over.
 *
 * A service for each command (`systemd-run --pipe --wait`) would do the same, but takes five times as long to start as
 * bubblewrap does.
 */
export function scopeArguments(session: string, limits: SessionLimits): string[] {
  return [
    ...["systemd-run", "--quiet", "--scope", "--collect"],
    `--unit=${scopeName(session)}`,
    `--description=cloister: session ${session}`,
    `--slice=${SESSIONS_SLICE}`,
    // The supervisor puts processes into it without asking systemd. Delegate these controllers only: with cpuset, which
    // `yes` includes, the kernel patches its page allocator whenever sessions come and go, and that crashes machines
    // that QEMU emulates.
    property("Delegate", "memory pids"),
    property("KillMode", "control-group"),
    property("TimeoutStopSec", STOP_SECONDS),
    // Each session has the same share of the processors, however many processes it has.
    property("CPUWeight", CPU_WEIGHT),
    property("MemoryMax", `${limits.memoryMiB}M`),
    property("MemorySwapMax", 0),
    property("TasksMax", limits.tasksMax),
    ...["--", "cat"],
  ];
}

/** systemctl(1) to end everything in a session. */
export function stopArguments(session: string): string[] {
  return ["systemctl", "stop", scopeName(session)];
}
