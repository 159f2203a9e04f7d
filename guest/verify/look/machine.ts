import { cpus, machine } from "node:os";
import type { MachineFacts } from "../judge/machine.ts";
import type { SharesFacts } from "../judge/shares.ts";
import { parseFields, readText } from "./files.ts";

/** The control groups (cgroup v2); systemd makes them. */
const CGROUPS = "/sys/fs/cgroup";

/** The file with the limit of all sessions together. */
const SESSIONS_LIMIT = `${CGROUPS}/cloister.slice/memory.max`;

/** Memory of the machine while nothing runs in it. Read it before anything else is started. */
export type Memory = Pick<MachineFacts, "memoryTotalKiB" | "memoryAvailableKiB" | "ownMemoryKiB">;

export async function lookAtMemory(): Promise<Memory> {
  const fields = parseFields((await readText("/proc/meminfo")) ?? "");
  const kib = (name: string) => Number.parseInt(fields[name] ?? "0", 10);
  return {
    memoryTotalKiB: kib("MemTotal"),
    memoryAvailableKiB: kib("MemAvailable"),
    ownMemoryKiB: Math.round(process.memoryUsage.rss() / 1024),
  };
}

/** Looks at the machine. Call it while a session runs: the sessions' slice exists only then. */
export async function lookAtMachine(memory: Memory): Promise<MachineFacts> {
  const [cpuinfo = "", swaps = "", limit = "max"] = await Promise.all(
    ["/proc/cpuinfo", "/proc/swaps", SESSIONS_LIMIT].map(readText),
  );
  const cpu = parseFields(cpuinfo);
  const bogoMips = Number.parseFloat(cpu["BogoMIPS"] ?? cpu["bogomips"] ?? "");
  return {
    ...memory,
    architecture: machine(),
    cpus: cpus().length,
    cpuFeatures: (cpu["Features"] ?? cpu["flags"] ?? "").split(/\s+/).filter(Boolean),
    ...(Number.isNaN(bogoMips) ? {} : { bogoMips }),
    ...(/^\d+$/.test(limit) ? { sessionsMemoryKiB: Number(limit) / 1024 } : {}),
    swaps: swaps
      .split("\n")
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? "")
      .filter(Boolean),
  };
}

/** Looks at the sharing of the processors. Call it while a session runs, too. */
export async function lookAtShares(cgroups = CGROUPS): Promise<SharesFacts> {
  const [available, enabled = ""] = await Promise.all([
    readText(`${cgroups}/cgroup.controllers`),
    readText(`${cgroups}/cloister.slice/cloister-sessions.slice/cgroup.subtree_control`),
  ]);
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  return { available: available === undefined ? undefined : words(available), enabled: words(enabled) };
}
