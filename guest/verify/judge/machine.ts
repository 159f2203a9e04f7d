import type { Asked } from "../../../contract/machine.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** What `/proc`, `/sys` and the settings say of the computer. */
export interface MachineFacts {
  /** uname's machine: `x86_64`, `aarch64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** `Features` (arm64) or `flags` (x86) of the first processor. */
  readonly cpuFeatures: readonly string[];
  /** Of the first processor, if it says so. */
  readonly bogoMips?: number;
  readonly memoryTotalKiB: number;
  readonly memoryAvailableKiB: number;
  /** Resident memory of the verification itself, which an idle machine has free. */
  readonly ownMemoryKiB: number;
  /** Memory that all sessions together may use; undefined when there is no limit. */
  readonly sessionsMemoryKiB?: number;
  /** Swap areas in use. */
  readonly swaps: readonly string[];
}

const GIB = 1024 * 1024;
/** 3.8 GiB, as `free -h` shows a machine of 4096 MiB: the kernel keeps some for itself, and more with more devices. */
const TOTAL = { least: 3.7 * GIB, most: 3.95 * GIB };
const AVAILABLE = 2.8 * GIB;
const MEMORY_MIB = 4096;
const CPU_FEATURES = ["aes", "pmull", "sha1", "sha2", "sha3", "sha512", "atomics", "paca", "pacg", "bti"];
const CPUS = 4;

/** What was asked of a machine, and in MiB what its sessions may use together. */
export type AskedMachine = Pick<Asked, "cpus" | "memoryMiB"> & { readonly sessionMemoryMiB: number };

export function judgeMachine(facts: MachineFacts, asked: AskedMachine): Verdicts {
  const missing = CPU_FEATURES.filter((feature) => !facts.cpuFeatures.includes(feature));
  const available = facts.memoryAvailableKiB + facts.ownMemoryKiB;
  const { less, note } = smaller(asked);
  const promised = asked.cpus.includes(facts.cpus);
  return {
    M1: verdict(facts.architecture, [facts.architecture !== "aarch64" && "another architecture"]),
    M2: verdict(`${facts.cpus}${promised && facts.cpus !== CPUS ? CONFIGURED : ""}`, [
      !promised && `${asked.cpus.join(" or ")} are promised`,
    ]),
    M3: verdict(CPU_FEATURES.filter((feature) => !missing.includes(feature)).join(", "), [
      missing.length > 0 && `missing: ${missing.join(", ")}`,
    ]),
    M4: totalMemory(facts, asked),
    M5: verdict(`${gib(available)}${note}`, [
      available < AVAILABLE - less && `less than ${gib(AVAILABLE - less)}: something else uses it`,
    ]),
    M6: verdict(facts.swaps.join(", ") || "none", [facts.swaps.length > 0 && "swap is in use"]),
    M7: verdict(facts.bogoMips === undefined ? "not told" : String(facts.bogoMips), [
      facts.bogoMips !== 48 && "the host's timer differs",
    ]),
  };
}

/** A machine that was to be smaller has as much less memory in all and available, in KiB. */
function smaller({ memoryMiB }: AskedMachine): { less: number; note: string } {
  const less = (MEMORY_MIB - memoryMiB) * 1024;
  return { less, note: less > 0 ? CONFIGURED : "" };
}

/** A larger machine keeps the promise by what it lets sessions use. */
function totalMemory({ memoryTotalKiB, sessionsMemoryKiB }: MachineFacts, asked: AskedMachine): Verdict {
  const { less, note } = smaller(asked);
  const seen = `${gib(memoryTotalKiB)}${note}`;
  if (memoryTotalKiB < TOTAL.least - less) return verdict(seen, ["too little memory"]);
  if (memoryTotalKiB <= TOTAL.most) return verdict(seen, []);
  const most = Math.max(TOTAL.most, asked.sessionMemoryMiB * 1024);
  const capped = sessionsMemoryKiB !== undefined && sessionsMemoryKiB <= most;
  const cap = sessionsMemoryKiB === undefined ? "no limit for sessions" : `sessions may use ${gib(sessionsMemoryKiB)}`;
  return verdict(`${gib(memoryTotalKiB)}, ${cap}${most > TOTAL.most ? CONFIGURED : ""}`, [
    !capped && `sessions may use more than ${most > TOTAL.most ? "was asked for" : "the reference has"}`,
  ]);
}

function gib(kib: number): string {
  return `${(kib / GIB).toFixed(2)} GiB`;
}
