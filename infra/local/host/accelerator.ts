import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import {
  type Accelerator,
  type Architecture,
  type Firmware,
  flashArguments,
  hostArchitecture,
  processorArguments,
  type QemuFeatures,
  qemuProgram,
} from "../qemu.ts";
import { shortTemporaryFolder } from "../sockets.ts";
import { featuresOf } from "./features.ts";
import { qmp } from "./qmp.ts";

/** The accelerator that a machine gets, and the reason as a sentence for the user. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  readonly why: string;
  /** All that QEMU said in a trial that failed. */
  readonly said?: string;
}

/** The reason why an accelerator does not work: a sentence, and the text that it was made of. */
export interface Refusal {
  readonly why: string;
  readonly said?: string;
}

/**
 * Chooses the accelerator of the machine's CPUs. KVM or HVF is taken only when a trial shows that it works: a
 * `/dev/kvm` that opens is no proof (nested virtualisation may be half there).
 *
 * @param wanted `cloister:accelerator`
 * @throws when an accelerator was asked for by name and does not work
 */
export async function chooseAccelerator(
  wanted: "auto" | Accelerator,
  architecture: Architecture,
  firmware: Firmware,
  trial: (accelerator: "kvm" | "hvf") => Promise<Refusal | undefined> = async (accelerator) =>
    await works(accelerator, architecture, firmware, await featuresOf(qemuProgram(architecture))),
): Promise<AcceleratorChoice> {
  const native = process.platform === "darwin" ? "hvf" : "kvm";
  if (wanted === "tcg") return { accelerator: "tcg", why: "emulation (TCG), as configured" };
  const name = wanted === "auto" ? native : wanted;
  const refusal =
    architecture !== hostArchitecture()
      ? { why: `${name} runs only machines of this computer's own architecture (${hostArchitecture()})` }
      : await trial(name);
  if (refusal === undefined) return { accelerator: name, why: `${name}: a trial showed that it works` };
  if (wanted !== "auto") {
    throw new Error(
      `cloister:accelerator is "${wanted}", which does not work here: ${refusal.why}. Write "auto" to fall back on emulation.${refusal.said ? `\n${refusal.said}` : ""}`,
    );
  }
  const { why, ...rest } = refusal;
  return { accelerator: "tcg", why: `emulation (TCG), which is slow: ${why}`, ...rest };
}

/**
 * Returns QEMU's last line that is no warning, as one sentence. The text of an assertion is left out: it names a line
 * of QEMU's source, which does not help a user.
 */
export function sentenceOf(said: string): string {
  if (/\bassert|Assertion|Aborted|core dumped/.test(said)) return "QEMU stopped on an assertion of its own";
  const lines = said
    .split("\n")
    .map((line) => line.replace(/^\S*qemu-system-\w+(?:\.exe)?: /, "").trim())
    .filter((line) => line !== "" && !/^warning:/i.test(line));
  const [sentence = ""] = (lines.at(-1) ?? "").split(/(?<=\w)\. /);
  return sentence === "" ? "QEMU ended without a word" : `QEMU says: ${sentence.replace(/\.$/, "")}`;
}

/** Runs the firmware for a second, with the options of a machine's start. Returns undefined when it works. */
async function works(
  accelerator: "kvm" | "hvf",
  architecture: Architecture,
  firmware: Firmware,
  features: QemuFeatures,
): Promise<Refusal | undefined> {
  if (accelerator === "kvm") {
    if (process.platform !== "linux") return { why: "KVM is Linux's" };
    try {
      accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "EACCES"
        ? {
            why: "/dev/kvm is there, but not for this user: join the group kvm (sudo usermod -aG kvm $USER) and log in again",
          }
        : { why: "there is no /dev/kvm" };
    }
  } else if (process.platform !== "darwin") return { why: "HVF is macOS's" };
  return await tryOut({ program: qemuProgram(architecture), accelerator, architecture, firmware, features });
}

/** The inputs of one trial. */
export interface Trial {
  readonly program: string;
  readonly accelerator: Accelerator;
  readonly architecture: Architecture;
  readonly firmware: Firmware;
  readonly features: QemuFeatures;
}

/** Starts a QEMU with nothing but processors and firmware. Returns undefined when it works. */
export async function tryOut({
  program,
  accelerator,
  architecture,
  firmware,
  features,
}: Trial): Promise<Refusal | undefined> {
  const dir = await mkdtemp(join(shortTemporaryFolder(), "cloister-probe-"));
  const socket = join(dir, "qmp");
  const child = execa(
    program,
    [
      ...processorArguments({ architecture, accelerator, cpus: 1, features }, "cloister-trial"),
      ...["-m", "256", "-qmp", `unix:${socket},server=on,wait=off`],
      ...flashArguments(firmware),
    ],
    { reject: false, timeout: 20_000, stdin: "ignore", stdout: "ignore" },
  );
  const failed = `${accelerator} failed a trial`;
  try {
    const ended = await Promise.race([child, sleep(1_500)]);
    if (ended) {
      const said = ended.stderr || ended.shortMessage || "";
      return { why: `${failed}: ${sentenceOf(ended.stderr ?? "")}`, said };
    }
    const { status } = (await qmp(socket, "query-status")) as { status: string };
    return status === "running" ? undefined : { why: `${failed}: the guest stopped with "${status}"` };
  } catch (error) {
    return { why: `${failed}: ${sentenceOf((error as Error).message)}` };
  } finally {
    child.kill("SIGKILL");
    await child;
    await rm(dir, { recursive: true, force: true });
  }
}
