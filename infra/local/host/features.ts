import { execa } from "execa";
import { type QemuFeatures, SANDBOX } from "../qemu.ts";

/**
 * Asks a QEMU for its features. Its help is no proof, because it lists options that QEMU was built without. QEMU reads
 * `-sandbox` before `-version`: a QEMU without a sandbox fails there.
 *
 * @param program name or path of the program
 */
export async function featuresOf(program: string, platform: NodeJS.Platform = process.platform): Promise<QemuFeatures> {
  const { failed } = await execa(program, ["-sandbox", SANDBOX, "-version"], { reject: false, stdin: "ignore" });
  // Only Linux lets a process have another name than its program (prctl(2), PR_SET_NAME); QEMU ends when it is asked
  // for one.
  return { sandbox: !failed, processName: platform === "linux" };
}
