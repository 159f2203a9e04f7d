import type { Firmware } from "../../lib/system/firmware.ts";
import { networkArguments } from "./network/arguments.ts";
import type { Paths } from "./paths.ts";

export type Architecture = "amd64" | "arm64";
export type Accelerator = "kvm" | "hvf" | "tcg";

export type { Firmware };

/** What this computer's QEMU can do; not every one was built with all of it. */
export interface QemuFeatures {
  /** Its own seccomp sandbox (`-sandbox`): Linux only, and left out by some. */
  readonly sandbox: boolean;
  /** A name for its process (`-name ...,process=`): Linux only, refused elsewhere. */
  readonly processName: boolean;
}

/** Of Debian's QEMU on Linux. */
const ALL: QemuFeatures = { sandbox: true, processName: true };

/** All that decides how a machine's QEMU is called. */
export interface QemuSpec {
  readonly architecture: Architecture;
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Loopback port that leads to port 22 of the machine. */
  readonly sshPort: number;
  readonly firmware: Firmware;
  /** @default all */
  readonly features?: QemuFeatures;
  /** A kernel that QEMU starts itself, without firmware and boot loader. */
  readonly kernel?: { readonly image: string; readonly commandLine: string };
}

/** Serial numbers by which the machine knows its NVMe disks, whatever the order in which it finds them. */
export const SERIALS = { root: "cloister-root", session: "cloister-session", runtime: "cloister-runtime" } as const;

/** Architecture of this computer, in our words. */
export function hostArchitecture(arch: string = process.arch): Architecture {
  if (arch === "arm64") return "arm64";
  if (arch === "x64") return "amd64";
  throw new Error(`this computer's architecture is ${arch}: cloister's local target runs on arm64 and x64`);
}

/** The program that emulates a machine of this architecture. */
export function qemuProgram(architecture: Architecture): string {
  return architecture === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";
}

/**
 * How QEMU is called whatever it runs: a trial of an accelerator and a machine's start differ in nothing that it could refuse
 * (qemu-system(1)).
 */
export function processorArguments(
  {
    architecture,
    accelerator,
    cpus,
    features = ALL,
  }: Pick<QemuSpec, "architecture" | "accelerator" | "cpus" | "features">,
  name: string,
): string[] {
  const arm = architecture === "arm64";
  // `max` has every feature of the reference (row M3); pauth-impdef makes emulated pointer authentication bearable.
  const cpu = accelerator !== "tcg" ? "host" : arm ? "max,pauth-impdef=on" : "max";
  return [
    ["-name", features.processName ? `${name},process=${name.slice(0, 15)}` : name],
    features.sandbox ? ["-sandbox", SANDBOX] : [],
    ["-nodefaults", "-no-user-config", "-display", "none"],
    ["-machine", arm ? `virt,${interrupts(accelerator, cpus)}usb=off` : "q35,usb=off,sata=off,smbus=off,vmport=off"],
    ["-accel", accelerator === "tcg" ? "tcg,thread=multi" : accelerator],
    ["-cpu", cpu],
    ["-smp", String(cpus)],
  ].flat();
}

export const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/** QEMU emulates the interrupt controller under HVF, the second version of which has eight CPUs and is the one that always works. */
function interrupts(accelerator: Accelerator, cpus: number): string {
  if (accelerator === "kvm") return "gic-version=host,";
  return accelerator === "tcg" || cpus > 8 ? "gic-version=3," : "";
}

/**
 * The command line of a machine (qemu-system(1)). QEMU runs behind its own seccomp sandbox where it has one, has no display, no
 * monitor but its control socket, no devices but those named here, and a network that ends at this computer's packet filter
 * (`network/launch.ts`): run without one, it has none.
 */
export function qemuArguments(
  spec: QemuSpec,
  paths: Paths,
  network: readonly string[] = networkArguments(spec.sshPort),
): string[] {
  return [
    processorArguments(spec, paths.marker),
    ["-pidfile", paths.pid],
    ["-m", String(spec.memoryMiB)],
    ["-qmp", `unix:${escapeComma(paths.control)},server=on,wait=off`],
    // Appended to, because its beginning is cut away when it grows long (host/short-log.ts).
    ["-chardev", `file,id=console,path=${escapeComma(paths.console)},append=on`],
    ["-serial", "chardev:console"],
    ...(spec.kernel
      ? [["-kernel", spec.kernel.image, "-append", spec.kernel.commandLine]]
      : [
          flashArguments(spec.firmware),
          [
            "-drive",
            `if=pflash,unit=1,format=${spec.firmware.format ?? "raw"},file=${escapeComma(paths.firmwareVariables)}`,
          ],
        ]),
    disk("root", paths.rootDisk, "qcow2", SERIALS.root, 1),
    disk("session", paths.sessionDisk, "qcow2", SERIALS.session),
    disk("runtime", paths.runtimeDisk, "raw", SERIALS.runtime),
    [
      ["-drive", `if=none,id=seed,format=raw,readonly=on,file=${escapeComma(paths.seed)}`],
      ["-device", "virtio-blk-pci,drive=seed,romfile="],
    ].flat(),
    network,
    ["-device", "virtio-net-pci,netdev=net,romfile="],
    // Random numbers for key generation at first boot.
    ["-object", "rng-random,id=rng,filename=/dev/urandom"],
    ["-device", "virtio-rng-pci,rng=rng"],
  ].flat();
}

/** The firmware's code, which nobody writes to. */
export function flashArguments({ code, format = "raw" }: Firmware): string[] {
  return ["-drive", `if=pflash,unit=0,format=${format},readonly=on,file=${escapeComma(code)}`];
}

function disk(id: string, file: string, format: "qcow2" | "raw", serial: string, bootIndex?: number): string[] {
  const readOnly = format === "raw";
  // A runtime image is written once and only read afterwards; discard gives freed blocks of the others back.
  const options = readOnly ? "readonly=on" : "discard=unmap,detect-zeroes=unmap,cache=writeback";
  return [
    "-drive",
    `if=none,id=${id},format=${format},${options},file=${escapeComma(file)}`,
    "-device",
    `nvme,drive=${id},serial=${serial}${bootIndex === undefined ? "" : `,bootindex=${bootIndex}`}`,
  ];
}

/** A comma in a value is written twice (qemu(1), "Invocation"). */
function escapeComma(value: string): string {
  return value.replaceAll(",", ",,");
}
