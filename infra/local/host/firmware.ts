import { existsSync } from "node:fs";
import type { Architecture, Firmware } from "../qemu.ts";

/** Where distributions and Homebrew put UEFI firmware (edk2); the first pair that exists is taken. */
const PLACES: Readonly<Record<Architecture, readonly Firmware[]>> = {
  amd64: [
    { code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/usr/share/OVMF/OVMF_VARS_4M.fd" },
    { code: "/usr/share/OVMF/OVMF_CODE.fd", variables: "/usr/share/OVMF/OVMF_VARS.fd" },
    { code: "/usr/share/edk2/ovmf/OVMF_CODE.fd", variables: "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
    ...["/opt/homebrew", "/usr/local"].map((prefix) => ({
      code: `${prefix}/share/qemu/edk2-x86_64-code.fd`,
      variables: `${prefix}/share/qemu/edk2-i386-vars.fd`,
    })),
  ],
  arm64: [
    { code: "/usr/share/AAVMF/AAVMF_CODE.fd", variables: "/usr/share/AAVMF/AAVMF_VARS.fd" },
    {
      code: "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
      variables: "/usr/share/edk2/aarch64/vars-template-pflash.raw",
    },
    ...["/opt/homebrew", "/usr/local"].map((prefix) => ({
      code: `${prefix}/share/qemu/edk2-aarch64-code.fd`,
      variables: `${prefix}/share/qemu/edk2-arm-vars.fd`,
    })),
  ],
};

/** The UEFI firmware on this computer for machines of this architecture, or nothing where none is installed. */
export function findFirmware(
  architecture: Architecture,
  exists: (path: string) => boolean = existsSync,
): Firmware | undefined {
  return PLACES[architecture].find(({ code, variables }) => exists(code) && exists(variables));
}
