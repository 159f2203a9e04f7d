import type { Problem } from "../../contract/problem.ts";
import type { ContainerFacts, MountFacts } from "./look.ts";

/** Something that the engine should have given this container and has not. */
export interface Missing {
  /** The option to start it with, as docker and podman write it. */
  readonly option: string;
  /** The state instead, and the reason why the option is needed. */
  readonly why: string;
  /** True when nothing can be run without the option, or nothing must be: its absence cannot be accepted. */
  readonly fatal?: true;
}

/** The least memory and processors of the reference (row C2). */
export const LEAST = { memoryMiB: 4096, cpus: 2 } as const;

/** File systems in memory that sessions write to. Nothing else in the container may be writable. */
export const WRITABLE = ["/run/cloister", "/sessions", "/tmp"] as const;

/**
 * Calls that the profile refuses and that an engine's own profile, or no profile, lets through: `vmsplice`,
 * `io_uring_setup` and `kcmp` in docker's (until 25 all three), `keyctl` and `io_uring_setup` in podman's.
 */
const REFUSED = ["io_uring_setup", "keyctl", "ptrace", "vmsplice"] as const;

const CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] as const;

/**
 * Compares what the engine gave with what it should give. It is pure. An empty list means a container as documented.
 */
export function missing(facts: ContainerFacts): Missing[] {
  return [
    ...user(facts),
    ...rights(facts),
    ...calls(facts),
    ...namespaces(facts),
    ...fileSystems(facts.mounts),
    ...engineFolders(facts.mounts),
    ...limits(facts),
  ];
}

function user({ uid }: ContainerFacts): Missing[] {
  if (uid !== 0) return [];
  const why = "this is root (uid 0), whom the kernel lets do more in a container than any user";
  return [{ option: "--user UID:GID", why, fatal: true }];
}

function rights({ status }: ContainerFacts): Missing[] {
  const left = CAPABILITIES.filter((set) => !/^0+$/.test(status[set] ?? ""));
  return [
    ...(left.length === 0
      ? []
      : [
          {
            option: "--cap-drop=ALL",
            why: `capabilities are left: ${left.map((set) => `${set} ${status[set]}`).join(", ")}`,
          },
        ]),
    ...(status["NoNewPrivs"] === "1"
      ? []
      : [{ option: "--security-opt=no-new-privileges", why: "set-user-id programs could give rights" }]),
  ];
}

function calls({ status, calls: answers }: ContainerFacts): Missing[] {
  const option = "--security-opt=seccomp=container/seccomp.json";
  if (status["Seccomp"] !== "2") return [{ option, why: "no system call is filtered" }];
  const reached = REFUSED.filter((call) => !/^(EPERM|ENOSYS)$/.test(answers[call] ?? ""));
  if (reached.length === 0) return [];
  return [{ option, why: `another profile is loaded: it lets ${reached.join(", ")} through` }];
}

function namespaces({ noNamespaces, mounts, calls: answers }: ContainerFacts): Missing[] {
  const masked = mounts.filter(({ path }) => path.startsWith("/proc/")).map(({ path }) => path);
  const found: Missing[] = [];
  if (noNamespaces !== undefined) {
    found.push({
      option:
        answers["chroot"] === "EPERM" || answers["chroot"] === "ENOSYS"
          ? "--security-opt=seccomp=container/seccomp.json"
          : "(a setting of the host)",
      why: `no user namespace can be made, and a session is one: ${noNamespaces}`,
      fatal: true,
    });
  }
  if (masked.length > 0) {
    found.push({
      option: "--security-opt=systempaths=unconfined (docker) or --security-opt=unmask=/proc/* (podman)",
      why: `parts of /proc are masked (${masked.slice(0, 3).join(", ")} ...): the kernel then lets no session have a /proc of its own`,
      fatal: true,
    });
  }
  return found;
}

function fileSystems(mounts: readonly MountFacts[]): Missing[] {
  const at = (wanted: string) => mounts.findLast(({ path }) => path === wanted);
  const root = at("/");
  return [
    ...(root?.options.includes("ro") ? [] : [{ option: "--read-only", why: "the image's own files can be changed" }]),
    ...WRITABLE.flatMap((path): Missing[] => {
      const mount = at(path);
      const option = `--tmpfs=${path}:size=...,mode=1777,nosuid,nodev`;
      if (mount?.type !== "tmpfs") {
        const fatal = root?.options.includes("ro") ? ({ fatal: true } as const) : {};
        return [{ option, why: `${path} is not a file system of its own`, ...fatal }];
      }
      const lacking = ["size", "nosuid", "nodev"].filter(
        (name) => !mount.options.some((each) => each === name || each.startsWith(`${name}=`)),
      );
      return lacking.length === 0 ? [] : [{ option, why: `${path} is mounted without ${lacking.join(", ")}` }];
    }),
  ];
}

/** Finds podman's own writable folders of a read-only container. They have no size limit. */
function engineFolders(mounts: readonly MountFacts[]): Missing[] {
  const added = mounts.filter(({ path, type }) => type === "tmpfs" && (path === "/run" || path === "/var/tmp"));
  if (added.length === 0) return [];
  const why = `podman made ${added.map(({ path }) => path).join(", ")} writable, without a size`;
  return [{ option: "--read-only-tmpfs=false", why }];
}

function limits({ limits: { memoryMiB, withSwapMiB, pids, cpuQuota, cpus } }: ContainerFacts): Missing[] {
  const memory = `--memory=${LEAST.memoryMiB}m --memory-swap=${LEAST.memoryMiB}m`;
  const found: Missing[] = [];
  if (memoryMiB === undefined) found.push({ option: memory, why: "memory has no limit" });
  else if (memoryMiB < LEAST.memoryMiB) {
    found.push({ option: memory, why: `${memoryMiB} MiB of memory are less than ${LEAST.memoryMiB}` });
  } else if (withSwapMiB !== undefined && withSwapMiB > memoryMiB) {
    found.push({ option: memory, why: "what does not fit into memory goes to the host's swap" });
  }
  if (pids === undefined) found.push({ option: "--pids-limit=4096", why: "processes have no limit" });
  if (cpuQuota === undefined) found.push({ option: `--cpus=${LEAST.cpus}`, why: "processor time has no limit" });
  if (Math.min(cpus, cpuQuota ?? cpus) < LEAST.cpus) {
    const least = Math.min(cpus, cpuQuota ?? cpus);
    found.push({ option: `--cpus=${LEAST.cpus}`, why: `${least} processors are less than ${LEAST.cpus}` });
  }
  return found;
}

/**
 * Decides whether to go on. It returns the problems, and the missing options that were accepted, as texts for reports.
 */
export function judgeContainer(
  facts: ContainerFacts,
  acceptWeaker: boolean,
): { readonly problems: readonly string[]; readonly weaker: readonly string[] } {
  const found = missing(facts);
  const refused = acceptWeaker ? found.filter(({ fatal }) => fatal) : found;
  const words = ({ option, why }: Missing) => `the container was started without ${option}: ${why}`;
  return {
    problems: refused.map((one) => words(one) + (one.fatal ? "" : " (--accept-weaker runs without, and says so)")),
    weaker: acceptWeaker ? found.filter(({ fatal }) => !fatal).map(words) : [],
  };
}

/** Makes a problem for a refusal: the machine is at fault, not the request. */
export const lackingProblem = (message: string): Problem => ({
  code: "CLOISTER_E_MACHINE",
  subject: "machine",
  message,
});
