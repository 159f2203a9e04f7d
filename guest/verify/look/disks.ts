import { readdir, readlink, realpath, stat, statfs } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { REFERENCE } from "../../../contract/reference.ts";
import type { DiskFacts, MountedDisk } from "../judge/disks.ts";
import { readText } from "./files.ts";

const LABELS = "/dev/disk/by-label";
const SECTOR = 512;

export async function lookAtDisks(sessionLabel: string): Promise<DiskFacts> {
  const mounts = (await readText("/proc/self/mounts")) ?? "";
  const labels = await deviceLabels();
  const [root, efi, sessions, machines, machineId, instanceId] = await Promise.all([
    lookAt("/", mounts, labels),
    lookAt(REFERENCE.D2.at, mounts, labels),
    lookAt(REFERENCE.D3.at, mounts, labels),
    readText(`${REFERENCE.D3.at}/.cloister/machines`),
    readText("/etc/machine-id"),
    readText("/var/lib/cloud/data/instance-id"),
  ]);
  return {
    ...(root ? { root } : {}),
    ...(efi ? { efi } : {}),
    ...(sessions ? { sessions } : {}),
    sessionLabel,
    ...(machines === undefined ? {} : { generations: machines.split("\n").filter(Boolean) }),
    // This is the same line as guest/boot/session-disk.sh writes.
    ...(machineId === undefined ? {} : { generation: [machineId, instanceId].filter(Boolean).join(" ") }),
  };
}

/**
 * Returns the disk that is mounted at a folder; undefined when it is no block device. The statfs call comes first,
 * because it triggers a mount on demand.
 */
async function lookAt(
  folder: string,
  mountsBefore: string,
  labels: ReadonlyMap<string, readonly string[]>,
): Promise<MountedDisk | undefined> {
  const size = await statfs(folder).catch(() => undefined);
  const mounts = folder === "/" ? mountsBefore : ((await readText("/proc/self/mounts")) ?? mountsBefore);
  // When several file systems are mounted on one folder, the last one is seen.
  const line = mounts
    .split("\n")
    .map((each) => each.split(" "))
    .filter(([source, target]) => target === folder && source?.startsWith("/dev/"))
    .at(-1);
  const source = line?.[0];
  if (size === undefined || source === undefined) return undefined;
  const device = await deviceName(source, folder);
  const partition = await readText(`/sys/class/block/${device}/partition`);
  const disk = partition === undefined ? device : await parentDisk(device);
  const sectors = Number((await readText(`/sys/class/block/${disk}/size`)) ?? 0);
  return {
    at: folder,
    type: line?.[2] ?? "unknown",
    device,
    ...(partition === undefined ? {} : { partition: Number(partition) }),
    disk,
    diskBytes: sectors * SECTOR,
    labels: labels.get(device) ?? [],
    bytes: size.blocks * size.bsize,
  };
}

/** Returns the kernel's name of a device. It follows links, and finds /dev/root by its device number. */
async function deviceName(source: string, folder: string): Promise<string> {
  const path = await realpath(source).catch(() => source);
  if ((await readText(`/sys/class/block/${basename(path)}/size`)) !== undefined) return basename(path);
  const { dev } = await stat(folder);
  // This decodes Linux's dev_t (makedev(3)).
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return basename(await readlink(`/sys/dev/block/${major}:${minor}`).catch(() => path));
}

async function parentDisk(device: string): Promise<string> {
  return basename(dirname(await realpath(`/sys/class/block/${device}`)));
}

/**
 * Reads udev's label links: returns the labels by device name. udev escapes characters of a name as \x20 and the like.
 */
async function deviceLabels(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const name of await readdir(LABELS).catch(() => [])) {
    const device = basename(await realpath(`${LABELS}/${name}`).catch(() => ""));
    const label = name.replace(/\\x([0-9a-f]{2})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    found.set(device, [...(found.get(device) ?? []), label]);
  }
  return found;
}
