import { existsSync, readFileSync, statfsSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import type { Problem, Settings } from "../settings/settings.ts";
import { virtualSizeGiB } from "./host/disk-image.ts";
import { findFirmware } from "./host/firmware.ts";
import { livingProcess } from "./host/living.ts";
import { portProblem } from "./host/port.ts";
import { NEEDED_OF_QEMU } from "./network/arguments.ts";
import type { Paths } from "./paths.ts";
import { type Architecture, hostArchitecture, qemuProgram } from "./qemu.ts";

/** Facts about this computer that decide whether a machine can run on it. */
export interface HostFacts {
  /** Programs and files that are needed and not there. */
  readonly missing: readonly string[];
  readonly freeMemoryMiB: number;
  readonly totalMemoryMiB: number;
  readonly freeDiskMiB: number;
  /** A reason why the machine cannot have the configured port, or any at all; none where it can, or has it. */
  readonly portProblem?: string;
  /** True when this stack's machine runs already: its memory and port are then its own. */
  readonly running: boolean;
  /** True when its disks are there already. */
  readonly disksExist: boolean;
  /** Size of its session disk, where there is one already. */
  readonly sessionDiskGiB?: number;
}

/** Room that a new machine needs at once: the base image, the runtime image and first writes. Disks grow as they are filled. MiB. */
const FIRST_DISK_MIB = 4096;

/** Problems that keep the machine from running on this computer. Pure: {@link hostFacts} looks. */
export function preflight(settings: Settings, facts: HostFacts, paths: Paths): Problem[] {
  const problems: Problem[] = [];
  for (const missing of facts.missing) {
    problems.push({
      path: "this computer",
      message: `${missing} is missing. npm start installs what is needed, or says what to install.`,
    });
  }
  if (facts.totalMemoryMiB < settings.memoryMiB) {
    problems.push({
      path: "cloister:memoryMiB",
      value: String(settings.memoryMiB),
      message: `this computer has ${facts.totalMemoryMiB} MiB of memory in all. Write less (at least 2048).`,
    });
  } else if (!facts.running && facts.freeMemoryMiB < settings.memoryMiB) {
    problems.push({
      path: "cloister:memoryMiB",
      value: String(settings.memoryMiB),
      message: `this computer has ${facts.freeMemoryMiB} MiB of memory available. Close programs, or write less (at least 2048).`,
    });
  }
  if (!facts.disksExist && facts.freeDiskMiB < FIRST_DISK_MIB) {
    problems.push({
      path: "cloister:stateDirectory",
      value: JSON.stringify(paths.root),
      message: `its file system has ${facts.freeDiskMiB} MiB free, a new machine needs ${FIRST_DISK_MIB}. Make room, or name a folder elsewhere.`,
    });
  }
  if (facts.sessionDiskGiB !== undefined && settings.sessionDiskGiB < facts.sessionDiskGiB) {
    problems.push({
      path: "cloister:sessionDiskGiB",
      value: String(settings.sessionDiskGiB),
      message: `the session disk has ${facts.sessionDiskGiB} GiB, and disks only grow. Write that or more; npm run down (pulumi destroy) deletes it with all that is on it.`,
    });
  }
  if (!facts.running && facts.portProblem !== undefined) {
    problems.push({
      path: "cloister:sshPort",
      value: String(settings.sshPort),
      message: facts.portProblem,
    });
  }
  return problems;
}

/** Effects of a change on a machine that runs, for a person, which no resource in a preview tells. Pure. */
export function notices(settings: Settings, facts: Pick<HostFacts, "running" | "sessionDiskGiB">): string[] {
  const { running, sessionDiskGiB: now } = facts;
  if (!running || now === undefined || settings.sessionDiskGiB <= now) return [];
  return [
    `the session disk grows from ${now} to ${settings.sessionDiskGiB} GiB: the machine restarts, and all that runs on it ends, detached runs too. What is on its disks stays; a key for the model's API is set anew.`,
  ];
}

/** Looks at this computer. */
export async function hostFacts(settings: Settings, architecture: Architecture, paths: Paths): Promise<HostFacts> {
  const running = livingProcess(paths);
  const programs = [qemuProgram(architecture), "qemu-img", "xorriso", "ssh", "ssh-keygen"];
  const missing = programs.filter((program) => !onPath(program)).map((program) => `the program ${program}`);
  if (!findFirmware(architecture)) missing.push(`UEFI firmware for ${architecture} machines`);
  if (onPath(qemuProgram(architecture))) missing.push(...(await missingOfQemu(qemuProgram(architecture))));
  return {
    missing,
    freeMemoryMiB: availableMemoryMiB(),
    totalMemoryMiB: Math.floor(totalmem() / 2 ** 20),
    freeDiskMiB: freeDiskMiB(paths.root),
    running: running !== undefined,
    disksExist: existsSync(paths.rootDisk),
    ...(await portFacts(settings, running !== undefined)),
    ...(await sessionDiskFacts(paths)),
  };
}

/** Features that this QEMU was built without. A QEMU that does not answer is for the step that starts it to tell. */
export async function missingOfQemu(program: string): Promise<string[]> {
  const lists = NEEDED_OF_QEMU.map(async ({ option, name, what }) => {
    const { stdout, failed } = await execa(program, [option, "help"], { reject: false, stdin: "ignore" });
    return failed || new RegExp(`^\\s*${name}\\s*$`, "m").test(stdout)
      ? []
      : [`${what}, which ${program} here is built without,`];
  });
  return (await Promise.all(lists)).flat();
}

/** Looks at the port that is configured; a machine that runs has its own. */
export async function portFacts(
  settings: Pick<Settings, "sshPort">,
  running: boolean,
): Promise<Pick<HostFacts, "portProblem">> {
  const problem = running ? undefined : await portProblem(settings.sshPort);
  return problem === undefined ? {} : { portProblem: problem };
}

/** The size of the session disk. If it cannot be read, the step that grows the disk tells so. */
async function sessionDiskFacts(paths: Paths): Promise<Pick<HostFacts, "sessionDiskGiB">> {
  if (!existsSync(paths.sessionDisk)) return {};
  return await virtualSizeGiB(paths.sessionDisk).then(
    (sessionDiskGiB) => ({ sessionDiskGiB }),
    () => ({}),
  );
}

/** The machine's architecture: as configured, or this computer's. */
export function machineArchitecture(settings: Pick<Settings, "architecture">): Architecture {
  return settings.architecture === "host" ? hostArchitecture() : settings.architecture;
}

function onPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((dir) => dir !== "" && existsSync(join(dir, program)));
}

/** Memory that a new program can have without swapping (proc(5), MemAvailable); elsewhere what is free. MiB. */
export function availableMemoryMiB(): number {
  try {
    const kiB = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    return Math.floor(Number(kiB) / 1024);
  } catch {
    // macOS counts cached files as used, and gives them up when asked: its free memory says too little to refuse on.
    return process.platform === "darwin" ? Number.MAX_SAFE_INTEGER : Math.floor(freemem() / 2 ** 20);
  }
}

/** Room in the file system of a folder, which need not be there yet. MiB. */
export function freeDiskMiB(folder: string): number {
  const place = existsSync(folder) ? folder : dirname(folder);
  if (!existsSync(place)) return freeDiskMiB(place);
  const { bavail, bsize } = statfsSync(place);
  return Math.floor((bavail * bsize) / 2 ** 20);
}
