import { existsSync } from "node:fs";
import { LOCAL_MACHINE } from "../../contract/machine.ts";
import type { OperatorLocalOutputs } from "../../contract/outputs.ts";
import { type BootState, bootState } from "../../infra/local/host/boot-state.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { type Paths, pathsIn, pathsOf } from "../../infra/local/paths.ts";
import { projectFolder } from "../../toolchain/own-backend.ts";
import { OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus, Verification } from "../fleet.ts";
import { firstSentence } from "../sentence.ts";
import { sshTransport } from "./ssh.ts";

/**
 * The machine of a local stack. Its process tells whether it runs, its console tells how far its boot has come, and the
 * stack's outputs tell the rest.
 */
export function localFleet(stack: string, outputs: OperatorLocalOutputs): Fleet {
  const paths = pathsFor(stack, outputs);
  return {
    async machines(name = LOCAL_MACHINE) {
      return name === LOCAL_MACHINE
        ? [localStatus(stack, outputs, livingProcess(paths)?.sshPort, bootState(paths))]
        : [];
    },
    async connect(machine) {
      const running = livingProcess(paths);
      if (!running) {
        throw new OperatorError(`the machine ${machine.name} ended just now: ${bringUp(stack)}`, {
          code: "CLOISTER_E_NOT_RUNNING",
        });
      }
      return sshTransport(machine.name, paths, running.sshPort);
    },
  };
}

/**
 * The state names the machine's folder. If the project was moved since, the folder is where a new one would be made
 * today.
 */
function pathsFor(stack: string, { stateDirectory }: OperatorLocalOutputs): Paths {
  const today = pathsOf(projectFolder, stack);
  return !existsSync(stateDirectory) && existsSync(today.root) ? today : pathsIn(stateDirectory);
}

/**
 * @param port loopback port of its ssh; undefined when its process does not live
 * @param boot the boot's state, read from its console; undefined when there is no console
 */
export function localStatus(
  stack: string,
  outputs: OperatorLocalOutputs,
  port: number | undefined,
  boot: BootState | undefined,
): MachineStatus {
  const stopped = port === undefined;
  const booting = !stopped && boot?.kind === "booting";
  return {
    name: LOCAL_MACHINE,
    state: stopped ? "stopped" : booting ? "booting" : "running",
    template: `runtime ${outputs.runtimeImage.replace(/^sha256:/, "").slice(0, 12)}`,
    verification: verification(outputs, stopped, boot),
    remarks: [...(stopped ? [] : [`ssh on 127.0.0.1:${port}`]), firstSentence(outputs.accelerator)],
    ...(stopped ? { help: bringUp(stack) } : {}),
    ...(booting ? { help: "It is ready in a minute or two: try again then." } : {}),
  };
}

function verification(outputs: OperatorLocalOutputs, stopped: boolean, boot: BootState | undefined): Verification {
  if (stopped) return { verdict: "unknown", by: "it does not run" };
  if (boot?.kind === "booting") return { verdict: "pending", by: `it boots: ${boot.step}` };
  if (boot?.kind === "failed") return { verdict: "failed", by: `its console says: ${firstSentence(boot.why)}` };
  const { ok, rows, kept, differs } = outputs.verification;
  return { verdict: ok ? "passed" : "failed", by: `at its start: ${kept} of ${rows} rows ok${differing(differs)}` };
}

function differing(ids: readonly string[]): string {
  return ids.length > 0 ? `, ${ids.join(" and ")} differ` : "";
}

function bringUp(stack: string): string {
  const command = stack === "local" ? "npm start" : `npm run -s pulumi -- up --stack ${stack}`;
  return `Start it again: ${command}`;
}
