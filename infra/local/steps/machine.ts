import { existsSync } from "node:fs";
import { copyFile, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { LOCAL_PACKAGES_SECONDS } from "../../../contract/boot-environment.ts";
import type { VerificationSummary } from "../../../contract/outputs.ts";
import type { Settings } from "../../settings/settings.ts";
import { chooseAccelerator } from "../host/accelerator.ts";
import { featuresOf } from "../host/features.ts";
import { findFirmware } from "../host/firmware.ts";
import { choosePort } from "../host/port.ts";
import { stopMachine } from "../host/process.ts";
import { sshAnswers } from "../host/ssh-ready.ts";
import { guardStart } from "../host/start-guard.ts";
import { networkInWords } from "../network/arguments.ts";
import { launch } from "../network/launch.ts";
import type { Paths } from "../paths.ts";
import { type Architecture, qemuProgram } from "../qemu.ts";
import { makeOursAlone } from "../sockets.ts";
import { followConsole, NotReadyError } from "./console.ts";
import { beginBoot, endBoot, type RootDiskInput } from "./root-disk.ts";
import { type Step, say } from "./step.ts";
import { fetchReport, keepVerification } from "./verification.ts";

/** The inputs of a machine's start. */
export interface StartMachineInput {
  readonly root: string;
  readonly architecture: Architecture;
  readonly accelerator: Settings["accelerator"];
  readonly cpus: number;
  readonly memoryMiB: number;
  /** 0: any free port. */
  readonly sshPort: number;
  readonly hostAccess: Settings["hostAccess"];
  /** The machine installs packages at first boot, which takes as long as its mirror does. Default: none. */
  readonly installs?: boolean;
  readonly kernel?: { readonly image: string; readonly commandLine: string };
  /** The inputs of its root disk. */
  readonly rootDisk: Omit<RootDiskInput, "architecture">;
}

/** The facts that the program learns of a machine that is up and verified. */
export interface RunningMachine {
  readonly sshPort: number;
  readonly accelerator: string;
  readonly why: string;
  /** The program that carries its network, and the promises that it cannot keep. */
  readonly network: string;
  readonly verification: VerificationSummary;
}

/**
 * The machine itself: a QEMU process that outlives this step. `create` returns when the machine has passed its own
 * verification. Otherwise it fails with the report. After a failure or an interruption nothing is left running.
 */
export const machine: Step<StartMachineInput, RunningMachine> = {
  async create(input, paths) {
    await stopMachine(paths);
    const interrupted = new AbortController();
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}: the machine was stopped`)));
    }
    for (let attempt = 1; ; attempt += 1) {
      const guard = guardStart(paths);
      try {
        await beginBoot({ ...input.rootDisk, architecture: input.architecture }, paths);
        const result = await bringUp(input, paths, guard.start, interrupted.signal);
        await endBoot(paths);
        guard.dismiss();
        return result;
      } catch (error) {
        await stopMachine(paths, 0);
        // The machine that the guard watched is gone; the guard must not be there at the next start.
        guard.dismiss();
        if (!(error instanceof EmulationFault) || attempt === START_ATTEMPTS) throw error;
        say(`${error.message}: starting it again (attempt ${attempt + 1} of ${START_ATTEMPTS})`);
      }
    }
  },

  async remove(_input, paths) {
    const outcome = await stopMachine(paths);
    if (outcome === "shut down") say("the machine shut down");
    if (outcome === "killed") say("the machine did not shut down when it was asked to, and was ended");
    for (const file of [paths.firmwareVariables, paths.console, paths.qemuLog, paths.verification]) {
      await rm(file, { force: true });
    }
  },
};

/** The most starts of a machine whose kernel fails because of an emulated CPU. */
const START_ATTEMPTS = 3;

/**
 * Two faults that a kernel meets on emulated processors only. It patched an instruction a moment before, and another
 * processor's thread of QEMU still runs the old form. Or a timer comes late because the computer is busy.
 */
export const EMULATION_FAULTS = /Oops: int3|IO-APIC \+ timer doesn't work/;

/** A start that failed by such a fault: the same machine starts the next time. */
class EmulationFault extends Error {}

/** Starts the machine, waits for its word and fetches its report. */
async function bringUp(
  input: StartMachineInput,
  paths: Paths,
  name: string,
  interrupted: AbortSignal,
): Promise<RunningMachine> {
  const { running, alive } = await start(input, paths, name);
  const startedAt = Date.now();
  const more = input.installs ? LOCAL_PACKAGES_SECONDS * 1000 : 0;
  const deadline = bootTimeoutMs(running.accelerator, input.architecture) + more;
  const failed = AbortSignal.any([interrupted, AbortSignal.timeout(deadline)]);
  const report = (line: string) => say(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${line}`);
  const verification = await followConsole(paths, alive, failed, report).catch(async (error: unknown) => {
    // A failed verification's report says more than its one line on the console. If the report there is damaged, we
    // fetch it.
    const report =
      error instanceof NotReadyError && (error.report ?? (await fetchReport(paths, running.sshPort, failed)));
    if (report) await keepVerification(paths, report);
    if (interrupted.aborted) throw interrupted.reason;
    if (failed.aborted) {
      throw new Error(`the machine was not ready after ${deadline / 1000} s; its console is in ${paths.console}`);
    }
    const [fault] = EMULATION_FAULTS.exec(await readFile(paths.console, "utf8")) ?? [];
    if (running.accelerator === "tcg" && fault) {
      throw new EmulationFault(`the kernel fell over a fault of the emulation (${fault})`);
    }
    throw error;
  });
  await sshAnswers(running.sshPort, failed);
  const text = verification ?? (await fetchReport(paths, running.sshPort, interrupted));
  if (text === undefined) throw new Error(`the machine's report could not be had: see ${paths.console}`);
  return { ...running, verification: await keepVerification(paths, text) };
}

async function start(
  input: StartMachineInput,
  paths: Paths,
  name: string,
): Promise<{ running: Omit<RunningMachine, "verification">; alive: () => boolean }> {
  const firmware = findFirmware(input.architecture);
  if (!firmware)
    throw new Error(`no UEFI firmware for ${input.architecture} machines: run npm start, which says what to install`);
  const { accelerator, why, said } = await chooseAccelerator(input.accelerator, input.architecture, firmware);
  const features = await featuresOf(qemuProgram(input.architecture));
  if (!features.sandbox) say("QEMU here was built without its seccomp sandbox: it runs as this user does");
  const sshPort = await choosePort(input.sshPort, paths.root);
  if (!existsSync(paths.firmwareVariables)) await copyFile(firmware.variables, paths.firmwareVariables);
  const sockets = dirname(paths.control);
  if (!makeOursAlone(sockets))
    throw new Error(
      `the folder for the machine's control socket must be yours alone, and ${sockets} is not: remove it, or set XDG_RUNTIME_DIR to a folder of yours with mode 0700`,
    );
  // A new machine has new host keys. Only the root disk knows whether it is new: its keys are made with it.
  await rm(paths.knownHosts, { force: true });
  await writeFile(paths.console, "");
  const { architecture, cpus, memoryMiB, kernel } = input;
  const spec = {
    architecture,
    accelerator,
    cpus,
    memoryMiB,
    sshPort,
    firmware,
    features,
    ...(kernel ? { kernel } : {}),
  };
  await writeFile(paths.qemuLog, "");
  const log = await open(paths.qemuLog, "a");
  try {
    if (said) await log.write(`Of a trial of another accelerator:\n${said}\nOf the machine:\n`);
    const { hostAccess } = input;
    const { pid, alive } = await launch({ spec, paths, hostAccess, start: name, log: log.fd });
    say(`machine started: process ${pid}, ssh on 127.0.0.1:${sshPort}, ${why}`);
    return { running: { sshPort, accelerator, why, network: networkInWords(hostAccess) }, alive };
  } finally {
    await log.close();
  }
}

/**
 * The longest time for a boot, in milliseconds. It is at least three times the measured one: about 60 s emulated, 150 s
 * for another architecture, 20 s accelerated. The 120 s that systemd waits for a missing network are added.
 */
function bootTimeoutMs(accelerator: string, architecture: Architecture): number {
  if (accelerator !== "tcg") return 180_000 + 120_000;
  return architecture === "arm64" ? 900_000 : 480_000;
}
