import { readFile } from "node:fs/promises";

/** Returns true when QEMU emulates the processor. */
export async function isEmulated(): Promise<boolean> {
  return emulates(await readFile("/proc/cpuinfo", "utf8").catch(() => ""));
}

/**
 * Decides by the text of /proc/cpuinfo: QEMU's `-cpu max` names itself on x86-64; on Arm its implementer is reserved
 * for software (0) and its part is 0x051, Q (QEMU, target/arm/tcg/cpu64.c). An accelerated machine has the names of the
 * real processor.
 */
export function emulates(cpuinfo: string): boolean {
  const is = (field: string, value: string) => new RegExp(`^${field}\\s*: ${value}`, "m").test(cpuinfo);
  return is("model name", "QEMU TCG CPU") || (is("CPU implementer", "0x00$") && is("CPU part", "0x051$"));
}
