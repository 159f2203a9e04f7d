import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Paths } from "../paths.ts";

/** How a machine was started, written down so that any later process can find, ask and stop it. */
export interface StartedMachine {
  /** Loopback port of this computer that leads to the machine's ssh. */
  readonly sshPort: number;
  /** What runs the machine's CPUs: `kvm`, `hvf` or `tcg`. */
  readonly accelerator: string;
  /** Name of this start, by which its guard knows it (`start-guard.ts`). */
  readonly start?: string;
  /** QEMU's process, known before QEMU itself writes its number down. */
  readonly pid?: number;
  /** The process that runs QEMU and filters what the machine sends (`network/main.ts`). */
  readonly filter?: number;
}

/** A QEMU that lives. */
export interface MachineProcess extends StartedMachine {
  readonly pid: number;
}

/**
 * The QEMU process of this stack, if one lives. The number alone proves nothing (they are reused): its command line must
 * carry the stack's marker.
 */
export function livingProcess(paths: Pick<Paths, "process" | "pid" | "marker">): MachineProcess | undefined {
  try {
    const started = readStart(paths);
    const pid = [numberIn(paths.pid), started.pid].find((number) => number !== undefined && isMachine(number, paths));
    return pid === undefined ? undefined : { ...started, pid };
  } catch {
    return undefined;
  }
}

/** The packet filter of this stack's machine, if it lives: it may, for a moment, when QEMU does not any more. */
export function livingFilter(paths: Pick<Paths, "process" | "filterMarker">): number | undefined {
  try {
    const { filter } = readStart(paths);
    return filter !== undefined && isMachine(filter, { marker: paths.filterMarker }) ? filter : undefined;
  } catch {
    return undefined;
  }
}

function readStart(paths: Pick<Paths, "process">): StartedMachine {
  return JSON.parse(readFileSync(paths.process, "utf8")) as StartedMachine;
}

function numberIn(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10);
  } catch {
    return undefined;
  }
}

/** Whether this process, if there is one, is the QEMU of this stack (or whatever else carries the marker). */
export function isMachine(pid: number, paths: Pick<Paths, "marker">): boolean {
  return commandLine(pid)?.includes(paths.marker) ?? false;
}

function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // Not Linux, or no such process: ps(1) tells which.
    const { stdout, status } = spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }
}
