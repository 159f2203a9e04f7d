import type { Arch } from "../runtime/arch.ts";

/** Debian's name for this computer's processor. Containers are of the same, also on macOS and Windows. */
export function archOfThisComputer(arch: string = process.arch): Arch {
  if (arch === "x64") return "amd64";
  if (arch === "arm64") return "arm64";
  throw new Error(`containers are made for amd64 and arm64; this computer is ${arch}`);
}
