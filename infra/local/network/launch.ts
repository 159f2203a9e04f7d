import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { closeInherited } from "../host/descriptors.ts";
import type { StartedMachine } from "../host/living.ts";
import { rememberStart } from "../host/process.ts";
import type { Paths } from "../paths.ts";
import { type QemuSpec, qemuArguments, qemuProgram } from "../qemu.ts";
import { hostServices } from "./host-access.ts";
import type { MachineRuns, RunMachine } from "./main.ts";

/** Arguments of {@link launch}. */
export interface Launch {
  readonly spec: QemuSpec;
  readonly paths: Paths;
  /** `cloister:hostAccess`. */
  readonly hostAccess: readonly string[];
  /** Name of this start, which its guard knows. */
  readonly start: string;
  /** An open file for what QEMU and the filter say. */
  readonly log: number;
  /** Changes QEMU's command line; for tests. */
  readonly changeArguments?: (args: readonly string[]) => readonly string[];
}

/** A machine that was started. */
export interface Launched {
  readonly pid: number;
  /** Tells whether QEMU runs. */
  alive(): boolean;
}

const FOLDER = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Starts a machine's QEMU behind its packet filter (`main.ts`). Both live on when this process ends, in a session of their
 * own, so that a Ctrl-C meant for us does not reach them half-way; and both have nothing open that we got from others.
 *
 * @throws when QEMU ends at once: it says then what it cannot open or bind
 */
export async function launch({ spec, paths, hostAccess, start, log, changeArguments }: Launch): Promise<Launched> {
  const services = hostServices(hostAccess);
  closeInherited();
  const started: StartedMachine = { sshPort: spec.sshPort, accelerator: spec.accelerator, start };
  await rememberStart(paths, started);
  const program = ["lib/run-bundled.cjs", "infra/local/network/main.ts", paths.filterMarker];
  const filter = spawn(process.execPath, [`${FOLDER}/${program[0]}`, ...program.slice(1)], {
    cwd: paths.root,
    detached: true,
    stdio: ["pipe", "pipe", log],
  });
  const alive = (): boolean => filter.exitCode === null && filter.signalCode === null;
  const ended = once(filter, "exit").then(() => undefined);
  await rememberStart(paths, { ...started, ...(filter.pid ? { filter: filter.pid } : {}) });
  const all = qemuArguments(spec, paths);
  const message: RunMachine = {
    program: qemuProgram(spec.architecture),
    args: changeArguments ? changeArguments(all) : all,
    services,
    start,
    paths: {
      pid: paths.pid,
      marker: paths.marker,
      process: paths.process,
      console: paths.console,
      qemuLog: paths.qemuLog,
    },
  };
  const { stdin, stdout } = filter;
  if (!stdin || !stdout) throw new Error("the packet filter was started without its pipes");
  // One that ended at once is told of below.
  stdin.on("error", () => {}).end(JSON.stringify(message));
  const answer = once(stdout, "data").then(([said]) => JSON.parse(String(said)) as MachineRuns);
  const runs = await Promise.race([answer, ended]);
  if (runs && filter.pid) await rememberStart(paths, { ...started, filter: filter.pid, pid: runs.pid });
  if (!runs || (await Promise.race([ended.then(() => true), sleep(400).then(() => false)])))
    throw new Error(`QEMU did not start: ${(await readFile(paths.qemuLog, "utf8")).trim()}`);
  filter.unref();
  stdout.destroy();
  return { pid: runs.pid, alive };
}
