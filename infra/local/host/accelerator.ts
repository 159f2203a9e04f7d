import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { type Accelerator, type Architecture, type Firmware, hostArchitecture, qemuProgram } from "../qemu.ts";
import { qmp } from "./qmp.ts";

/** Which accelerator a machine gets, and why, as a sentence for the user. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  readonly why: string;
}

/**
 * Chooses what runs the machine's CPUs. KVM or HVF is taken only when a trial shows that it works: a `/dev/kvm` that opens
 * is no proof (nested virtualisation may be half there).
 *
 * @param wanted `cloister:accelerator`
 * @throws when an accelerator was asked for by name and does not work
 */
export async function chooseAccelerator(
  wanted: "auto" | Accelerator,
  architecture: Architecture,
  firmware: Firmware,
  trial: typeof works = works,
): Promise<AcceleratorChoice> {
  const native = process.platform === "darwin" ? "hvf" : "kvm";
  if (wanted === "tcg") return { accelerator: "tcg", why: "emulation (TCG), as configured" };
  const name = wanted === "auto" ? native : wanted;
  const refusal =
    architecture !== hostArchitecture()
      ? `${name} runs only machines of this computer's own architecture (${hostArchitecture()})`
      : await trial(name, architecture, firmware);
  if (refusal === undefined) return { accelerator: name, why: `${name}: a trial showed that it works` };
  if (wanted !== "auto") {
    throw new Error(
      `cloister:accelerator is "${wanted}", which does not work here: ${refusal}. Write "auto" to fall back on emulation.`,
    );
  }
  return { accelerator: "tcg", why: `emulation (TCG), which is slow: ${refusal}` };
}

/** Runs the firmware for a second. Returns what went wrong, or nothing. */
async function works(
  accelerator: "kvm" | "hvf",
  architecture: Architecture,
  firmware: Firmware,
): Promise<string | undefined> {
  if (accelerator === "kvm") {
    if (process.platform !== "linux") return "KVM is Linux's";
    try {
      accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "EACCES"
        ? "/dev/kvm is there, but not for this user: join the group kvm (sudo usermod -aG kvm $USER) and log in again"
        : "there is no /dev/kvm";
    }
  } else if (process.platform !== "darwin") return "HVF is macOS's";
  const dir = await mkdtemp(join(tmpdir(), "cloister-probe-"));
  const socket = join(dir, "qmp");
  const machine = architecture === "arm64" ? (accelerator === "kvm" ? "virt,gic-version=host" : "virt") : "q35";
  const child = execa(
    qemuProgram(architecture),
    [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-accel", accelerator, "-machine", machine],
      ...["-cpu", "host", "-m", "256", "-qmp", `unix:${socket},server=on,wait=off`],
      ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${firmware.code}`],
    ],
    { reject: false, timeout: 20_000, stdin: "ignore", stdout: "ignore" },
  );
  try {
    const ended = await Promise.race([child, sleep(1_500)]);
    if (ended)
      return `${accelerator} failed a trial: ${(ended.stderr || ended.shortMessage || "it ended").split("\n").at(-1)}`;
    const { status } = (await qmp(socket, "query-status")) as { status: string };
    return status === "running" ? undefined : `${accelerator} failed a trial: the guest stopped with "${status}"`;
  } catch (error) {
    return `${accelerator} failed a trial: ${(error as Error).message}`;
  } finally {
    child.kill("SIGKILL");
    await child;
    await rm(dir, { recursive: true, force: true });
  }
}
