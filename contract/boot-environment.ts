import type { Machine } from "./machine.ts";

/**
 * The part of a machine's description that the boot scripts need before any program can read JSON. cloud-init writes
 * the file at first boot; systemd reads it (`EnvironmentFile=`) for cloud-init/files/boot.sh and fetch.py, and
 * guest/boot/settings.sh reads it too. An image that is made of a booted machine must not keep it.
 */
export const BOOT_FILE = "/etc/cloister/boot.env";

const NUMBER = /^[1-9][0-9]{0,8}$/;
const NAME = /^[A-Za-z0-9._/-]{1,255}$/;

/**
 * Every variable, with a pattern for its value. All characters that a pattern allows stand for themselves in a shell
 * and for systemd (systemd.exec(5)), so that nothing is quoted; anything else is refused. guest/boot/settings.sh has
 * the same rules.
 */
export const BOOT_VARIABLES = {
  /** SHA-256 of the runtime image. */
  RUNTIME_DIGEST: /^[0-9a-f]{64}$/,
  /** NVMe serial of the disk that holds it. */
  RUNTIME_SERIAL: /^[A-Za-z0-9._:-]{1,20}$/,
  /** Bytes of the runtime image. These four variables tell how to fetch it from a bucket. */
  RUNTIME_SIZE: /^[1-9][0-9]{0,14}$/,
  RUNTIME_REGION: /^[a-z0-9-]{1,32}$/,
  RUNTIME_BUCKET: /^[a-z0-9.-]{3,63}$/,
  RUNTIME_KEY: NAME,
  /** Life-cycle hooks of the group that waits for this machine. */
  POOL_LAUNCH_HOOK: NAME,
  POOL_END_HOOK: NAME,
  TARGET: /^(local|aws|container)$/,
  SESSION_SERIAL: /^[A-Za-z0-9._:-]{1,20}$/,
  SESSION_LABEL: /^[A-Za-z0-9_-]{1,16}$/,
  /** EC2's device name; left out elsewhere. */
  SESSION_DEVICE: /^\/dev\/sd[f-p]$/,
  /** Memory that all sessions together may use, in MiB. */
  MEMORY_MIB: NUMBER,
  /** Processes and threads that all sessions together may have. */
  TASKS_MAX: NUMBER,
  /** Packages of the distribution that the stack asks for, with commas between them; left out where there are none. */
  PACKAGES: /^[a-z0-9][a-z0-9+.-]{1,127}(,[a-z0-9][a-z0-9+.-]{1,127})*$/,
  /** How long after its start a machine may go on asking a mirror for packages, in seconds. */
  PACKAGES_SECONDS: NUMBER,
  /** Mirror for Debian's stand-in image, which has none of its own; left out where nothing is installed from it. */
  DEBIAN_MIRROR: /^https?:\/\/[A-Za-z0-9._~:/-]{1,255}$/,
} as const satisfies Readonly<Record<string, RegExp>>;

export type BootVariable = keyof typeof BOOT_VARIABLES;

/** The variables of a machine. Those that do not concern it are left out. */
export function bootVariables({
  target,
  runtime,
  sessionDisk,
  sessions,
  packages,
  debianMirror,
  aws,
}: Machine): Partial<Record<BootVariable, string>> {
  const { source } = runtime;
  return {
    RUNTIME_DIGEST: runtime.digest,
    RUNTIME_SERIAL: runtime.serial,
    ...(source
      ? {
          RUNTIME_SIZE: String(runtime.size),
          RUNTIME_REGION: source.region,
          RUNTIME_BUCKET: source.bucket,
          RUNTIME_KEY: source.key.replace(/^\//, ""),
        }
      : {}),
    ...(aws?.pool ? { POOL_LAUNCH_HOOK: aws.pool.launchHook, POOL_END_HOOK: aws.pool.terminateHook } : {}),
    TARGET: target,
    SESSION_SERIAL: sessionDisk.serial,
    SESSION_LABEL: sessionDisk.label,
    ...(sessionDisk.device === undefined ? {} : { SESSION_DEVICE: sessionDisk.device }),
    MEMORY_MIB: String(sessions.memoryMiB),
    TASKS_MAX: String(sessions.tasksMax),
    ...(packages.length > 0 ? { PACKAGES: packages.join(",") } : {}),
    PACKAGES_SECONDS: String(packagesSeconds({ target, packages, aws })),
    ...(debianMirror === undefined ? {} : { DEBIAN_MIRROR: debianMirror }),
  };
}

/**
 * How long after its start a machine may go on asking a mirror for packages, in seconds: three quarters of the time that
 * a pool's hook waits, twenty minutes on a named machine. On a local machine somebody waits: there it is
 * less than `up` waits for the machine.
 */
function packagesSeconds({ target, packages, aws }: Pick<Machine, "target" | "packages" | "aws">): number {
  if (aws?.pool) return Math.floor((aws.pool.verifySeconds * 3) / 4);
  if (target === "aws") return 1200;
  return packages.length > 0 ? 200 + LOCAL_PACKAGES_SECONDS : 200;
}

/** How much longer a local machine may take to be ready where its stack asks for packages, in seconds. */
export const LOCAL_PACKAGES_SECONDS = 600;

/**
 * The text of {@link BOOT_FILE}, one `NAME=value` a line.
 *
 * @throws an Error that names every value that does not match its pattern
 */
export function bootEnvironment(variables: Partial<Record<BootVariable, string>>): string {
  const entries = Object.entries(variables) as [BootVariable, string][];
  const wrong = entries.filter(([name, value]) => !BOOT_VARIABLES[name].test(value));
  if (wrong.length > 0) {
    const lines = wrong.map(
      ([name, value]) => `  ${name}: ${JSON.stringify(value)} does not match ${BOOT_VARIABLES[name].source}`,
    );
    throw new Error(`the boot scripts take no such values:\n${lines.join("\n")}`);
  }
  return entries.map(([name, value]) => `${name}=${value}\n`).join("");
}
