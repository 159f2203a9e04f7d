import { spawn } from "node:child_process";
import { copyFile, rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { ensureBaseImage } from "../../images/base/index.ts";
import { chooseAccelerator } from "../../infra/local/host/accelerator.ts";
import { findFirmware } from "../../infra/local/host/firmware.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { rememberStart, stopMachine } from "../../infra/local/host/process.ts";
import { userNetwork } from "../../infra/local/network/arguments.ts";
import type { Paths } from "../../infra/local/paths.ts";
import { hostArchitecture, qemuArguments, qemuProgram } from "../../infra/local/qemu.ts";
import { shellQuoted, sshArguments } from "../../infra/local/ssh.ts";
import { followConsole } from "../../infra/local/steps/console.ts";
import { type BenchStack, localBench } from "./bench-stack.ts";
import { compared, type Figure } from "./figure.ts";
import { folderFigures, type OnMachine } from "./folders.ts";
import { inTurn, seconds, spread } from "./statistics.ts";

const UP = ["up", "--yes", "--skip-preview", "-s", "bench"];

/** `pulumi up` of the local stack against a bare boot of the same disks; then what a sealed command costs on the
 * machine, and work in folders. */
export async function machineFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const bench = await localBench();
  try {
    // Not counted: fills the caches, so that both sides find them full.
    await bench.pulumi(...UP);
    const { ours, bare } = await inTurn(runs, {
      ours: async () => {
        await bench.pulumi("destroy", "--yes", "--skip-preview", "-s", "bench");
        const time = await seconds(() => bench.pulumi(...UP));
        report(`pulumi up: ${time.toFixed(1)} s`);
        return time;
      },
      bare: async () => {
        const time = await bareBoot(bench.paths);
        report(`bare boot: ${time.toFixed(1)} s`);
        return time;
      },
    });
    const up = compared(
      "`pulumi up` of the local stack, caches full",
      ours,
      "bare QEMU, same disks, to the same marker",
      bare,
      {
        unit: "s",
        bound: 1.15,
      },
    );
    await bench.pulumi(...UP);
    const onMachine = onMachineOf(bench);
    return [up, ...(await launchFigures(onMachine, report)), ...(await folderFigures(onMachine, runs, report))];
  } finally {
    await bench.dispose();
  }
}

/** Starts QEMU as the machine step does, on disks in the same state, and waits for the machine's word. Seconds. */
async function bareBoot(paths: Paths): Promise<number> {
  const architecture = hostArchitecture();
  const firmware = findFirmware(architecture);
  if (!firmware) throw new Error("no firmware");
  const running = livingProcess(paths);
  if (!running) throw new Error("the machine of the last run is gone");
  await stopMachine(paths);
  const image = await ensureBaseImage({ arch: architecture, report: () => {} });
  await copyFile(image.path, paths.rootDisk);
  await execa("qemu-img", ["resize", "-q", "-f", "qcow2", paths.rootDisk, "10G"]);
  await rm(paths.sessionDisk);
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", paths.sessionDisk, "10G"]);
  await copyFile(firmware.variables, paths.firmwareVariables);
  // It will have host keys of its own.
  await rm(paths.knownHosts, { force: true });
  await writeFile(paths.console, "");
  const { accelerator } = await chooseAccelerator("auto", architecture, firmware);
  const { sshPort } = running;
  const spec = { architecture, accelerator, cpus: 4, memoryMiB: 4096, sshPort, firmware };
  await rememberStart(paths, { sshPort, accelerator });
  return await seconds(async () => {
    const args = qemuArguments(spec, paths, userNetwork(sshPort));
    const child = spawn(qemuProgram(architecture), args, { cwd: paths.root, stdio: "ignore" });
    await followConsole(
      paths,
      () => child.exitCode === null,
      AbortSignal.timeout(900_000),
      () => {},
    );
    child.unref();
  });
}

/** Runs commands on the machine of a bench stack. */
function onMachineOf(bench: BenchStack): OnMachine {
  const port = livingProcess(bench.paths)?.sshPort ?? 0;
  return async (...command) => {
    const words = command.map(shellQuoted).join(" ");
    return (await execa("ssh", [...sshArguments(bench.paths, port), words], { stdin: "ignore" })).stdout;
  };
}

/** From accepted request to the command's first instruction, against a bare bwrap, on the machine itself. */
async function launchFigures(onMachine: OnMachine, report: (line: string) => void): Promise<Figure[]> {
  const bare =
    "for i in 1 2 3; do s=$EPOCHREALTIME; bwrap --ro-bind / / --unshare-all true; e=$EPOCHREALTIME; echo $s $e; done";
  const timings: { nodeStartMs: number; sessionMs: number; launchMs: number; cleanupMs: number }[] = [];
  const launches = await inTurn(5, {
    sealed: async () => {
      const result = JSON.parse(await onMachine("sudo", "cloister", "run", "--json", "--", "true")) as {
        timings: (typeof timings)[0];
      };
      timings.push(result.timings);
      report(`sealed command: launched in ${result.timings.launchMs} ms`);
      return [result.timings.launchMs];
    },
    bare: async () =>
      (await onMachine("bash", "-c", bare)).split("\n").map((line) => {
        const [start = 0, end = 0] = line.split(" ").map(Number);
        return (end - start) * 1000;
      }),
  });
  const phase = (pick: (timing: (typeof timings)[0]) => number) => spread(timings.map(pick));
  return [
    compared(
      "sealed command in a session, to its first instruction",
      launches.sealed.flat(),
      "bare `bwrap --unshare-all true`",
      launches.bare.flat(),
      {
        unit: "ms",
        bound: 4,
        note: "on the machine",
      },
    ),
    { what: "making the session before that: user, home, proxies", measured: phase((t) => t.sessionMs), unit: "ms" },
    {
      what: "Node's own start before that",
      measured: phase((t) => t.nodeStartMs),
      unit: "ms",
      note: "slow under emulation",
    },
    { what: "removing the session afterwards", measured: phase((t) => t.cleanupMs), unit: "ms" },
  ];
}
