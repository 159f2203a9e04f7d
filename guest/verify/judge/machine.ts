import type { Expected } from "../../../contract/machine.ts";
import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** The facts about the computer from `/proc`, `/sys` and the settings. */
export interface MachineFacts {
  /** uname's machine: `x86_64`, `aarch64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** `Features` (arm64) or `flags` (x86) of the first processor. */
  readonly cpuFeatures: readonly string[];
  /** The value of the first processor; absent when it reports none. */
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
/**
 * Permitted difference of the value that `free -h` shows, in GiB: the kernel keeps some memory for itself, and more
 * with more devices.
 */
const ABOUT = { less: 0.1, more: 0.15 };

/** The size that was asked for, and the memory that all sessions may use together, in MiB. */
export type ExpectedMachine = Pick<Expected, "cpus" | "memoryMiB"> & { readonly sessionMemoryMiB: number };

export function judgeMachine(
  facts: MachineFacts,
  expected: ExpectedMachine,
  promised: Reference = REFERENCE,
): Verdicts {
  const missing = promised.M3.filter((feature) => !facts.cpuFeatures.includes(feature));
  const available = facts.memoryAvailableKiB + facts.ownMemoryKiB;
  const { less, note } = smaller(expected, promised);
  const least = promised.M5.leastGiB * GIB - less;
  const asExpected = expected.cpus.includes(facts.cpus);
  const swaps = facts.swaps.join(", ") || "none";
  return {
    M1: verdict(facts.architecture, [facts.architecture !== promised.M1 && "another architecture"]),
    M2: verdict(`${facts.cpus}${asExpected && facts.cpus !== promised.M2 ? CONFIGURED : ""}`, [
      !asExpected && `${expected.cpus.join(" or ")} are promised`,
    ]),
    M3: verdict(promised.M3.filter((feature) => !missing.includes(feature)).join(", "), [
      missing.length > 0 && `missing: ${missing.join(", ")}`,
    ]),
    M4: totalMemory(facts, expected, promised),
    M5: verdict(`${gib(available)}${note}`, [available < least && `less than ${gib(least)}: something else uses it`]),
    M6: verdict(swaps, [swaps !== promised.M6 && "swap is in use"]),
    M7: verdict(facts.bogoMips === undefined ? "not told" : String(facts.bogoMips), [
      facts.bogoMips !== promised.M7 && "the host's timer differs",
    ]),
  };
}

/**
 * Returns how much less memory a machine has that was asked to be smaller. The difference applies to total and to
 * available memory, in KiB.
 */
function smaller({ memoryMiB }: ExpectedMachine, { M4 }: Reference): { less: number; note: string } {
  const less = (M4.machineMiB - memoryMiB) * 1024;
  return { less, note: less > 0 ? CONFIGURED : "" };
}

/** Judges the total memory. A larger machine keeps the promise when it limits the memory of its sessions. */
function totalMemory(facts: MachineFacts, expected: ExpectedMachine, promised: Reference): Verdict {
  const { memoryTotalKiB, sessionsMemoryKiB } = facts;
  const { GiB } = promised.M4;
  const total = { least: (GiB - ABOUT.less) * GIB, most: (GiB + ABOUT.more) * GIB };
  const { less, note } = smaller(expected, promised);
  const seen = `${gib(memoryTotalKiB)}${note}`;
  if (memoryTotalKiB < total.least - less) return verdict(seen, ["too little memory"]);
  if (memoryTotalKiB <= total.most) return verdict(seen, []);
  const most = Math.max(total.most, expected.sessionMemoryMiB * 1024);
  const capped = sessionsMemoryKiB !== undefined && sessionsMemoryKiB <= most;
  const cap = sessionsMemoryKiB === undefined ? "no limit for sessions" : `sessions may use ${gib(sessionsMemoryKiB)}`;
  return verdict(`${gib(memoryTotalKiB)}, ${cap}${most > total.most ? CONFIGURED : ""}`, [
    !capped && `sessions may use more than ${most > total.most ? "was asked for" : "the reference has"}`,
  ]);
}

function gib(kib: number): string {
  return `${(kib / GIB).toFixed(2)} GiB`;
}
