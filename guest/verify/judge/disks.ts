import type { Expected } from "../../../contract/machine.ts";
import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** A mounted file system and the disk behind it. */
export interface MountedDisk {
  /** Folder where it is mounted. */
  readonly at: string;
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
  /** Machines that have used the session disk, oldest first, without repetitions; undefined when it is not known. */
  readonly generations?: readonly string[];
  /** This machine's own entry. */
  readonly generation?: string;
}

const MIB = 1024 * 1024;

/** Permitted difference of the EFI partition's size, in MB: images are made by different tools. */
const ABOUT = { less: 8, more: 12 };

export function judgeDisks(
  facts: DiskFacts,
  expected: Pick<Expected, "rootDiskGiB" | "sessionDiskGiB">,
  promised: Reference = REFERENCE,
): Verdicts {
  return {
    D1: rootDisk(facts.root, expected.rootDiskGiB, promised.D1),
    D2: efiPartition(facts.efi, promised.D2),
    D3: sessionDisk(facts.sessions, facts.sessionLabel, expected.sessionDiskGiB, promised.D3),
    D4: survival(facts, promised.D4),
  };
}

function rootDisk(root: MountedDisk | undefined, gib: number, promised: Reference["D1"]): Verdict {
  if (!root) return { seen: "nothing known", ok: false, reason: "the root file system is not on a disk" };
  const { least, most } = bytesOf(gib);
  return verdict(`${describe(root)}${gib === promised.GB ? "" : CONFIGURED}`, [
    busOf(root) !== promised.bus && `not an ${promised.bus} disk`,
    (root.diskBytes < least || root.diskBytes > most) && `not ${gib} GB`,
    partOf(root) !== promised.part && `not ${promised.part}`,
    root.type !== promised.type && `not ${promised.type}`,
    !root.labels.includes(promised.label) && `no label ${promised.label}`,
  ]);
}

function efiPartition(efi: MountedDisk | undefined, promised: Reference["D2"]): Verdict {
  if (!efi) return { seen: "not mounted", ok: false, reason: `nothing is mounted at ${promised.at}` };
  // df rounds up (coreutils, human_ceiling).
  const shown = Math.ceil(efi.bytes / MIB);
  return verdict(`${describe(efi)}, ${shown}M`, [
    efi.at !== promised.at && `mounted at ${efi.at}`,
    partOf(efi) !== promised.part && `not ${promised.part}`,
    efi.type !== promised.type && `not ${promised.type}`,
    !efi.labels.includes(promised.label) && `no label ${promised.label}`,
    (shown < promised.MB - ABOUT.less || shown > promised.MB + ABOUT.more) && `not about ${promised.MB} MB`,
  ]);
}

/** Judges the session disk. It may have grown since its machine was described. */
function sessionDisk(
  sessions: MountedDisk | undefined,
  label: string,
  gib: number,
  promised: Reference["D3"],
): Verdict {
  if (!sessions) return { seen: "not mounted", ok: false, reason: `no disk is mounted at ${promised.at}` };
  const other = gib !== promised.GB || sessions.diskBytes > bytesOf(promised.GB).most;
  return verdict(`${describe(sessions)}${other ? CONFIGURED : ""}`, [
    sessions.at !== promised.at && `mounted at ${sessions.at}`,
    busOf(sessions) !== promised.bus && `not an ${promised.bus} disk`,
    sessions.diskBytes < bytesOf(gib).least && `less than ${gib} GB`,
    partOf(sessions) !== promised.part && `${partOf(sessions)}, not ${promised.part}`,
    sessions.type !== promised.type && `not ${promised.type}`,
    !sessions.labels.includes(label) && `no label ${label}`,
  ]);
}

/** The disk remembers the machines that used it. Only a machine that is not its first can show that it survived. */
function survival({ generations, generation }: DiskFacts, promised: Reference["D4"]): Verdict {
  if (!generations || generations.length === 0) {
    return { notApplicable: "the session disk does not tell which machines used it (it may be full)" };
  }
  if (generations.length === 1) {
    return { notApplicable: "this is the first machine on this session disk: there is nothing to survive yet" };
  }
  const current = generation !== undefined && generations.at(-1) === generation;
  return verdict(`used by ${generations.length} machines, one after the other`, [
    current !== promised && "the latest is not this one",
  ]);
}

function describe(disk: MountedDisk): string {
  const labels = disk.labels.length > 0 ? `label ${disk.labels.join(", ")}` : "no label";
  return `${disk.device}, ${(disk.diskBytes / 1e9).toFixed(1)} GB disk, ${partOf(disk)}, ${disk.type}, ${labels}`;
}

/** Describes the partition in the reference's words. */
const partOf = ({ partition }: MountedDisk): string =>
  partition === undefined ? "whole disk" : `partition ${partition}`;

const busOf = ({ disk }: MountedDisk): string => (/^nvme\d+n\d+$/.test(disk) ? "NVMe" : "another bus");

/** Returns the range of bytes that counts as so many GB, by either unit (10^9 or 2^30). */
function bytesOf(gib: number): { least: number; most: number } {
  return { least: gib * 0.99e9, most: gib * 1.09e9 };
}
