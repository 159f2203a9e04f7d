import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { userId } from "../../../lib/home.cjs";
import { type Paths, pathsIn } from "../paths.ts";

/**
 * The facts about a machine's start. They are written to a file so that any later process can find, ask and stop it.
 */
export interface StartedMachine {
  /** Loopback port of this computer that leads to the machine's ssh. */
  readonly sshPort: number;
  /** The accelerator of the machine's CPUs: `kvm`, `hvf` or `tcg`. */
  readonly accelerator: string;
  /** Name of this start. Its guard finds the start by this name (`start-guard.ts`). */
  readonly start?: string;
  /** The number of QEMU's process, known before QEMU itself writes it to a file. */
  readonly pid?: number;
  /** The process that runs QEMU and filters what the machine sends (`network/main.ts`). */
  readonly filter?: number;
  /** The state folder's path at that time; {@link Paths.marker} is made of it. */
  readonly root?: string;
  /** The folder's device and inode, which stay when the folder gets another name. */
  readonly folder?: string;
  /** QEMU's control socket. */
  readonly control?: string;
}

/** A QEMU that lives. */
export interface MachineProcess extends StartedMachine {
  readonly pid: number;
}

/** The marks by which we recognize the processes of a machine. */
export type Names = Pick<Paths, "marker" | "filterMarker" | "control">;

/**
 * Finds the marks of the processes of this folder's machine: the folder may have been moved since they were started. A
 * copy of a folder has no machine, because the machine belongs to the original.
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
  // When another machine is in the old place (`there`), the control socket is that machine's.
  const { marker, filterMarker } = original;
  return { marker, filterMarker, control: there ? "" : (control ?? original.control) };
}

/**
 * The QEMU process of this stack, if one lives. The process's number alone proves nothing, because numbers are reused:
 * its command line must contain the stack's marker.
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

/** The packet filter of this stack's machine, if it lives. It may live for a moment after QEMU has ended. */
export function livingFilter(paths: Pick<Paths, "process" | "pid" | "root"> & Names): number | undefined {
  const names = namesOf(paths);
  const filter = readStart(paths)?.filter;
  return names && filter !== undefined && isMachine(filter, { marker: names.filterMarker }) ? filter : undefined;
}

/** A text that distinguishes a folder from its copies; undefined when there is no folder. */
export function folderOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

/**
 * Tells whether a machine runs with disks that were deleted: its folder was moved to another file system, and all its
 * writes are lost. We can tell on Linux only (proc(5)).
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

/**
 * The folder of a machine that an earlier version started, which did not record the folder. It is known on Linux only.
 */
function rootOfEarlier(pid: number | undefined): string | undefined {
  return /\0-pidfile\0([^\0]+)\/qemu\.pid\0/.exec((pid && commandLine(pid)) || "")?.[1];
}

/**
 * The record of a start. One that a stranger put into a folder that was open is none: by it a file of ours that they name would
 * be removed, as if it was the control socket.
 */
function readStart(paths: Pick<Paths, "process">): StartedMachine | undefined {
  let record: number | undefined;
  try {
    // Neither a link is followed nor a pipe waited for.
    record = openSync(paths.process, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid } = fstatSync(record);
    const us = userId();
    // By sudo a machine of a user's is root's, and root takes down a user's.
    const owners = us === 0 ? [0, statSync(dirname(paths.process)).uid] : [0, us];
    return owners.includes(uid) ? (JSON.parse(readFileSync(record, "utf8")) as StartedMachine) : undefined;
  } catch {
    return undefined;
  } finally {
    if (record !== undefined) closeSync(record);
  }
}

function numberIn(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10);
  } catch {
    return undefined;
  }
}

/** Tells whether this process exists and is the QEMU of this stack (or another process that carries the marker). */
export function isMachine(pid: number, paths: Pick<Paths, "marker">): boolean {
  return commandLine(pid)?.includes(paths.marker) ?? false;
}

function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // This is not Linux, or there is no such process: ps(1) tells which.
    const { stdout, status } = spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }
}
