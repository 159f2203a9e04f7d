import { execa } from "execa";
import { type QemuFeatures, SANDBOX } from "../qemu.ts";

/**
 * Asks a QEMU what it can do. Its help lists options that it was built without: it reads `-sandbox` before `-version`, and ends
 * there where it has none.
 *
 * @param program as it is called
 */
export async function featuresOf(program: string, platform: NodeJS.Platform = process.platform): Promise<QemuFeatures> {
  const { failed } = await execa(program, ["-sandbox", SANDBOX, "-version"], { reject: false, stdin: "ignore" });
  // Only Linux lets a process have another name than its program (prctl(2), PR_SET_NAME); QEMU ends when it is asked for one.
  return { sandbox: !failed, processName: platform === "linux" };
}
