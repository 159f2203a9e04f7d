import type { Asked } from "../../../contract/machine.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** A mounted file system and the disk behind it. */
export interface MountedDisk {
  /** File system's type, by the kernel. */
  readonly type: string;
  /** Block device: `nvme0n1p1`. */
  readonly device: string;
  /** Number of the partition; undefined for a whole disk. */
  readonly partition?: number;
  /** The disk that the device is, or is on: `nvme0n1`. */
  readonly disk: string;
  /** Size of that disk in bytes. */
  readonly diskBytes: number;
  /** Labels that lead to this device (udev's links). */
  readonly labels: readonly string[];
  /** Size as statfs(2) tells it, in bytes: what df shows. */
  readonly bytes: number;
}

export interface DiskFacts {
  readonly root?: MountedDisk;
  readonly efi?: MountedDisk;
  readonly sessions?: MountedDisk;
  /** Label that the session disk is to have. */
  readonly sessionLabel: string;
  /** Machines that have used the session disk, oldest first, without repetitions; undefined when nothing tells. */
  readonly generations?: readonly string[];
  /** This machine's own entry. */
  readonly generation?: string;
}

const MIB = 1024 * 1024;

export function judgeDisks(facts: DiskFacts, asked: Pick<Asked, "rootDiskGiB" | "sessionDiskGiB">): Verdicts {
  return {
    D1: rootDisk(facts.root, asked.rootDiskGiB),
    D2: efiPartition(facts.efi),
    D3: sessionDisk(facts.sessions, facts.sessionLabel, asked.sessionDiskGiB),
    D4: survival(facts),
  };
}

function rootDisk(root: MountedDisk | undefined, gib: number): Verdict {
  if (!root) return { seen: "nothing known", ok: false, reason: "the root file system is not on a disk" };
  const { least, most } = bytesOf(gib);
  return verdict(`${describe(root)}${gib === REFERENCE_GIB ? "" : CONFIGURED}`, [
    !isNvme(root) && "not an NVMe disk",
    (root.diskBytes < least || root.diskBytes > most) && `not ${gib} GB`,
    root.partition !== 1 && "not partition 1",
    root.type !== "ext4" && "not ext4",
    !root.labels.includes("cloudimg-rootfs") && "no label cloudimg-rootfs",
  ]);
}

function efiPartition(efi: MountedDisk | undefined): Verdict {
  if (!efi) return { seen: "not mounted", ok: false, reason: "nothing is mounted at /boot/efi" };
  // df rounds up (coreutils, human_ceiling).
  const shown = Math.ceil(efi.bytes / MIB);
  return verdict(`${describe(efi)}, ${shown}M`, [
    efi.partition !== 15 && "not partition 15",
    efi.type !== "vfat" && "not vfat",
    !efi.labels.includes("UEFI") && "no label UEFI",
    (shown < 90 || shown > 110) && "not about 98 MB",
  ]);
}

/** It may have grown since its machine was described. */
function sessionDisk(sessions: MountedDisk | undefined, label: string, gib: number): Verdict {
  if (!sessions) return { seen: "not mounted", ok: false, reason: "no disk is mounted at /sessions" };
  const other = gib !== REFERENCE_GIB || sessions.diskBytes > bytesOf(REFERENCE_GIB).most;
  return verdict(`${describe(sessions)}${other ? CONFIGURED : ""}`, [
    !isNvme(sessions) && "not an NVMe disk",
    sessions.diskBytes < bytesOf(gib).least && `less than ${gib} GB`,
    sessions.partition !== undefined && "a partition, not the whole disk",
    sessions.type !== "ext4" && "not ext4",
    !sessions.labels.includes(label) && `no label ${label}`,
  ]);
}

/** The disk remembers the machines that used it. Only a machine that is not its first can show that it survived. */
function survival({ generations, generation }: DiskFacts): Verdict {
  if (!generations || generations.length === 0) {
    return { notApplicable: "the session disk does not tell which machines used it (it may be full)" };
  }
  if (generations.length === 1) {
    return { notApplicable: "this is the first machine on this session disk: there is nothing to survive yet" };
  }
  const current = generation !== undefined && generations.at(-1) === generation;
  return verdict(`used by ${generations.length} machines, one after the other`, [
    !current && "the latest is not this one",
  ]);
}

function describe(disk: MountedDisk): string {
  const where = disk.partition === undefined ? "whole disk" : `partition ${disk.partition}`;
  const labels = disk.labels.length > 0 ? `label ${disk.labels.join(", ")}` : "no label";
  return `${disk.device}, ${(disk.diskBytes / 1e9).toFixed(1)} GB disk, ${where}, ${disk.type}, ${labels}`;
}

function isNvme({ disk }: MountedDisk): boolean {
  return /^nvme\d+n\d+$/.test(disk);
}

const REFERENCE_GIB = 10;

/** What counts as so many GB, in either counting (10^9 or 2^30). */
function bytesOf(gib: number): { least: number; most: number } {
  return { least: gib * 0.99e9, most: gib * 1.09e9 };
}
