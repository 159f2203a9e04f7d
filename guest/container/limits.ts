import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";

/** The resources that the engine lets this container use. Undefined: without a limit. */
export interface EngineLimits {
  readonly memoryMiB?: number;
  /** Memory and swap together. */
  readonly withSwapMiB?: number;
  readonly pids?: number;
  /** Processors' time, such as 2 for two whole ones. */
  readonly cpuQuota?: number;
  /** Processors that it may run on. */
  readonly cpus: number;
  /** Processes that were killed for want of memory so far. */
  readonly outOfMemoryKills: number;
}

const CGROUP = "/sys/fs/cgroup";

/** More than any machine has: cgroup v1's way to say that there is no limit. */
const NONE_MIB = 2 ** 40;

/**
 * Reads the limits of this container's control group, of either version.
 *
 * @param root the folder where control groups are mounted; tests give another one
 */
export async function readLimits(root = CGROUP): Promise<EngineLimits> {
  const read = async (path: string) => (await readFile(`${root}/${path}`, "utf8").catch(() => "")).trim();
  const number = async (path: string) => {
    const text = await read(path);
    return /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const mib = async (path: string) => {
    const bytes = await number(path);
    return bytes === undefined || bytes / 2 ** 20 >= NONE_MIB ? undefined : bytes / 2 ** 20;
  };
  const second = (await read("cgroup.controllers")) !== "";
  const memoryMiB = second ? await mib("memory.max") : await mib("memory/memory.limit_in_bytes");
  const swap = second ? await mib("memory.swap.max") : undefined;
  const withSwapMiB = second
    ? memoryMiB !== undefined && swap !== undefined
      ? memoryMiB + swap
      : undefined
    : await mib("memory/memory.memsw.limit_in_bytes");
  const pids = second ? await number("pids.max") : await number("pids/pids.max");
  const [quota, period] = second
    ? (await read("cpu.max")).split(" ")
    : [await read("cpu/cpu.cfs_quota_us"), await read("cpu/cpu.cfs_period_us")];
  const kills = /^oom_kill (\d+)$/m.exec(await read(second ? "memory.events" : "memory/memory.oom_control"))?.[1];
  return {
    cpus: availableParallelism(),
    outOfMemoryKills: Number(kills ?? 0),
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(withSwapMiB === undefined ? {} : { withSwapMiB }),
    ...(pids === undefined ? {} : { pids }),
    ...(Number(quota) > 0 ? { cpuQuota: Number(quota) / Number(period) } : {}),
  };
}
