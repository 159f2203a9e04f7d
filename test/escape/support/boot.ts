import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare } from "../../../cli/start/prepare.ts";
import { onStandardError } from "../../../cli/start/progress.ts";
import { livingProcess } from "../../../infra/local/host/living.ts";
import { pathsOf } from "../../../infra/local/paths.ts";
import { type Architecture, hostArchitecture } from "../../../infra/local/qemu.ts";
import { EngineProject } from "../../../rehearsal/engine.ts";
import { copyProject } from "../../../rehearsal/project-copy.ts";
import type { Machine, Scale } from "./machine.ts";
import { operatorHere } from "./operator-here.ts";
import { sshMachine } from "./ssh-machine.ts";

/** A machine that the suite may use. */
export interface Found {
  readonly machine: Machine;
  /** In words, for the report. */
  readonly what: string;
  dispose(): Promise<void>;
}

/** Boots a machine of its own, from this working tree: a stack, a state and a folder that go when it is disposed of. */
export async function bootMachine(
  report: (line: string) => void,
  scaleFor: (emulated: boolean) => Scale,
  architecture: Architecture = hostArchitecture(),
): Promise<Found> {
  await prepare(architecture, "auto", onStandardError());
  const folder = await mkdtemp(join(tmpdir(), "cloister-escape-"));
  const project = join(folder, "project");
  await copyProject(project);
  const engine = await EngineProject.create({ folder: project, config: { "cloister:architecture": architecture } });
  const paths = pathsOf(project, engine.stack);
  const kill = () => {
    const left = livingProcess(paths);
    if (left) process.kill(left.pid, "SIGKILL");
  };
  // A second Ctrl-C ends this process at once: the machine goes with it.
  process.on("exit", kill);
  const dispose = async () => {
    await engine.destroy();
    kill();
    process.off("exit", kill);
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    report("booting a machine of the suite's own");
    const { exitCode, all } = await engine.up();
    if (exitCode !== 0) throw new Error(`the machine did not come up:\n${all}`);
    const started = livingProcess(paths);
    if (started === undefined) throw new Error("the machine ended just after it was verified");
    const machine = sshMachine({
      paths,
      port: () => livingProcess(paths)?.sshPort ?? started.sshPort,
      scale: scaleFor(started.accelerator === "tcg"),
      operator: operatorHere(project, engine.stack, engine.env),
    });
    return {
      machine,
      what: `a ${architecture} machine booted for this run (${started.accelerator})`,
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
