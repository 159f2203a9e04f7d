/** Architectures a machine can have, by Debian's names for them. */
export type Arch = "amd64" | "arm64";

/** npm's and Node's name of an architecture. */
export function npmCpu(arch: Arch): "x64" | "arm64" {
  return arch === "amd64" ? "x64" : "arm64";
}

/** Go happens to use the same names as Debian. */
export function goArch(arch: Arch): "amd64" | "arm64" {
  return arch;
}

const ELF_MACHINE: Readonly<Record<number, Arch>> = { 62: "amd64", 183: "arm64" };

/**
 * The architecture of a 64-bit little-endian ELF file, from its first 20 bytes (elf(5): e_ident, e_type, e_machine), or
 * undefined when it is none that a machine can run.
 */
export function elfArch(head: Uint8Array): Arch | undefined {
  if (head.length < 20 || String.fromCharCode(...head.subarray(0, 4)) !== "\x7fELF") return undefined;
  if (head[4] !== 2 || head[5] !== 1) return undefined;
  return ELF_MACHINE[(head[18] ?? 0) | ((head[19] ?? 0) << 8)];
}
