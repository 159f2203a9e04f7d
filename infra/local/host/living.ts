import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { type Paths, pathsIn } from "../paths.ts";

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
  /** The state folder as it was called then; {@link Paths.marker} is made of it. */
  readonly root?: string;
  /** The folder itself, whatever it is called: its device and inode. */
  readonly folder?: string;
  /** QEMU's control socket. */
  readonly control?: string;
}

/** A QEMU that lives. */
export interface MachineProcess extends StartedMachine {
  readonly pid: number;
}

/** By what the processes of a machine are known. */
export type Names = Pick<Paths, "marker" | "filterMarker" | "control">;

/**
 * By what the processes of this folder's machine are known: the folder may have been moved since they were started. A copy of
 * a folder has no machine: it is the original's.
 */
export function namesOf(paths: Pick<Paths, "process" | "pid" | "root"> & Names): Names | undefined {
  const started = readStart(paths);
  const { control, start } = started ?? {};
  const root = started?.root ?? (started && rootOfEarlier(numberIn(paths.pid) ?? started.pid)) ?? paths.root;
  if (root === paths.root) return { ...paths, control: control ?? paths.control };
  const original = pathsIn(root);
  const there = readStart(original);
  if (there && there.start === start) return undefined;
  if (started?.folder !== undefined && started.folder !== folderOf(paths.root) && !isWithoutDisks(started.pid))
    return undefined;
  // Another machine has taken the place, and its control socket.
  const { marker, filterMarker } = original;
  return { marker, filterMarker, control: there ? "" : (control ?? original.control) };
}

/**
 * The QEMU process of this stack, if one lives. The number alone proves nothing (they are reused): its command line must
 * carry the stack's marker.
 */
export function livingProcess(
  paths: Pick<Paths, "process" | "pid" | "root"> & Names,
): (MachineProcess & { readonly names: Names }) | undefined {
  const started = readStart(paths);
  const names = namesOf(paths);
  if (!started || !names) return undefined;
  const pid = [numberIn(paths.pid), started.pid].find((number) => number !== undefined && isMachine(number, names));
  return pid === undefined ? undefined : { ...started, pid, names };
}

/** The packet filter of this stack's machine, if it lives: it may, for a moment, when QEMU does not any more. */
export function livingFilter(paths: Pick<Paths, "process" | "pid" | "root"> & Names): number | undefined {
  const names = namesOf(paths);
  const filter = readStart(paths)?.filter;
  return names && filter !== undefined && isMachine(filter, { marker: names.filterMarker }) ? filter : undefined;
}

/** What tells a folder from its copies; nothing where there is none. */
export function folderOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

/**
 * Whether a machine goes on with disks that have no name any more: its folder was moved to another file system, and all that
 * it writes is lost. Known on Linux only (proc(5)).
 */
export function isWithoutDisks(pid: number | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((name) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`).endsWith("/session.qcow2 (deleted)");
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

/** The folder that a machine of an earlier version, which did not write it down, was started for. Known on Linux only. */
function rootOfEarlier(pid: number | undefined): string | undefined {
  return /\0-pidfile\0([^\0]+)\/qemu\.pid\0/.exec((pid && commandLine(pid)) || "")?.[1];
}

function readStart(paths: Pick<Paths, "process">): StartedMachine | undefined {
  try {
    return JSON.parse(readFileSync(paths.process, "utf8")) as StartedMachine;
  } catch {
    return undefined;
  }
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
