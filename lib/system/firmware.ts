import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { homeFolder } from "../home.cjs";
import type { Arch } from "./requirements.ts";

/** UEFI firmware, as two flash images. */
export interface Firmware {
  /** Code: read-only, shared by all machines. */
  readonly code: string;
  /** Template of the variables; each machine has a copy of its own. */
  readonly variables: string;
  /** @default "raw" */
  readonly format?: "raw" | "qcow2";
}

/** As far as it is looked at: the files that QEMU's packages describe their firmware with (qemu: docs/interop/firmware.json). */
const descriptor = z.object({
  "interface-types": z.array(z.string()),
  mapping: z.object({
    device: z.literal("flash"),
    mode: z.literal("split").optional(),
    executable: z.object({ filename: z.string(), format: z.enum(["raw", "qcow2"]) }),
    "nvram-template": z.object({ filename: z.string(), format: z.enum(["raw", "qcow2"]) }),
  }),
  targets: z.array(z.object({ architecture: z.string(), machines: z.array(z.string()) })),
  features: z.array(z.string()),
});

/** What our machines do not have, or what would refuse a boot program that nobody signed. */
const UNFIT = /^(requires-smm|enrolled-keys|secure-boot|amd-sev-snp|intel-tdx)$/;

const QEMU_NAMES = { amd64: "x86_64", arm64: "aarch64" } as const satisfies Record<Arch, string>;
const MACHINES = { amd64: "pc-q35-", arm64: "virt-" } as const satisfies Record<Arch, string>;

/** Where Homebrew and MacPorts install. */
const PREFIXES = ["/opt/homebrew", "/usr/local", "/opt/local", "/home/linuxbrew/.linuxbrew"];

/** Folders of descriptors, the user's first: a name that is in an earlier one hides those in later ones. */
export function descriptorFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  return [
    join(env["XDG_CONFIG_HOME"] || join(homeFolder(), ".config"), "qemu", "firmware"),
    "/etc/qemu/firmware",
    ...["/usr", ...PREFIXES].map((prefix) => `${prefix}/share/qemu/firmware`),
    // Beside a QEMU that is somewhere else.
    ...(env["PATH"] ?? "")
      .split(delimiter)
      .flatMap((folder) => (isAbsolute(folder) ? [join(dirname(folder), "share", "qemu", "firmware")] : [])),
  ];
}

/** Where distributions put UEFI firmware (edk2) without a word about it; the first pair that exists is taken. */
const PLACES: Readonly<Record<Arch, readonly Firmware[]>> = {
  amd64: [
    // Debian, Ubuntu.
    pair("/usr/share/OVMF", "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    pair("/usr/share/OVMF", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    // Arch, now and before.
    pair("/usr/share/edk2/x64", "OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd"),
    pair("/usr/share/edk2/x64", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    pair("/usr/share/edk2-ovmf/x64", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    // Fedora, and what is built from it.
    pair("/usr/share/edk2/ovmf", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    pair("/usr/share/edk2/ovmf", "OVMF_CODE_4M.qcow2", "OVMF_VARS_4M.qcow2"),
    // openSUSE.
    pair("/usr/share/qemu", "ovmf-x86_64-4m-code.bin", "ovmf-x86_64-4m-vars.bin"),
    pair("/usr/share/qemu", "ovmf-x86_64-code.bin", "ovmf-x86_64-vars.bin"),
    // Gentoo, now and before.
    pair("/usr/share/edk2/OvmfX64", "OVMF_CODE_4M.qcow2", "OVMF_VARS_4M.qcow2"),
    pair("/usr/share/edk2/OvmfX64", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    pair("/usr/share/edk2-ovmf", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    ...["/usr", ...PREFIXES].map((prefix) => pair(`${prefix}/share/qemu`, "edk2-x86_64-code.fd", "edk2-i386-vars.fd")),
  ],
  arm64: [
    pair("/usr/share/AAVMF", "AAVMF_CODE.fd", "AAVMF_VARS.fd"),
    pair("/usr/share/edk2/aarch64", "QEMU_EFI-pflash.raw", "vars-template-pflash.raw"),
    pair("/usr/share/edk2/aarch64", "QEMU_EFI-pflash.qcow2", "vars-template-pflash.qcow2"),
    // Arch.
    pair("/usr/share/edk2/aarch64", "QEMU_CODE.fd", "QEMU_VARS.fd"),
    // openSUSE.
    pair("/usr/share/qemu", "aavmf-aarch64-code.bin", "aavmf-aarch64-vars.bin"),
    // Gentoo.
    pair("/usr/share/edk2/ArmVirtQemu-AArch64", "QEMU_EFI.qcow2", "QEMU_VARS.qcow2"),
    ...["/usr", ...PREFIXES].map((prefix) => pair(`${prefix}/share/qemu`, "edk2-aarch64-code.fd", "edk2-arm-vars.fd")),
  ],
};

function pair(folder: string, code: string, variables: string): Firmware {
  const format = code.endsWith(".qcow2") ? ({ format: "qcow2" } as const) : {};
  return { code: join(folder, code), variables: join(folder, variables), ...format };
}

/** A computer's files, as far as firmware is looked for. */
export interface Files {
  exists(path: string): boolean;
  /** Names in a folder; none where there is no folder. */
  list(folder: string): readonly string[];
  read(path: string): string;
}

const HERE: Files = {
  exists: existsSync,
  list(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  read: (path) => readFileSync(path, "utf8"),
};

/**
 * The UEFI firmware on this computer for machines of this architecture, or nothing where none is installed: what QEMU's packages
 * say of themselves, else what is in a known place.
 */
export function findFirmware(
  architecture: Arch,
  files: Files = HERE,
  folders: readonly string[] = descriptorFolders(),
): Firmware | undefined {
  const there = ({ code, variables }: Firmware): boolean => files.exists(code) && files.exists(variables);
  return described(architecture, files, folders).find(there) ?? PLACES[architecture].find(there);
}

/** All that fits, in the order of their names, as the packages want it. */
function described(architecture: Arch, files: Files, folders: readonly string[]): Firmware[] {
  const byName = new Map<string, string>();
  for (const folder of folders) {
    for (const name of files.list(folder)) {
      if (name.endsWith(".json") && !byName.has(name)) byName.set(name, join(folder, name));
    }
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, path]) => firmwareIn(path, architecture, files));
}

/** Nothing for firmware that is no use to our machines, and for what is no descriptor: it is not ours to mend. */
function firmwareIn(path: string, architecture: Arch, files: Files): Firmware[] {
  let content: unknown;
  try {
    content = JSON.parse(files.read(path));
  } catch {
    return [];
  }
  const { success, data } = descriptor.safeParse(content);
  if (!success || !data["interface-types"].includes("uefi") || data.features.some((one) => UNFIT.test(one))) return [];
  const fits = data.targets.some(
    (target) =>
      target.architecture === QEMU_NAMES[architecture] &&
      // Patterns, such as pc-q35-* or virt-*.
      target.machines.some((machine) => machine.startsWith(MACHINES[architecture]) || machine === "*"),
  );
  const { executable, "nvram-template": template } = data.mapping;
  if (!fits || executable.format !== template.format) return [];
  return [{ code: executable.filename, variables: template.filename, format: executable.format }];
}
