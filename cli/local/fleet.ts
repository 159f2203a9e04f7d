import { LOCAL_MACHINE } from "../../contract/machine.ts";
import type { OperatorLocalOutputs } from "../../contract/outputs.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { pathsIn } from "../../infra/local/paths.ts";
import { OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import { sshTransport } from "./ssh.ts";

/** The machine of a local stack: whether it runs is seen by its process, the rest is from the stack's outputs. */
export function localFleet(stack: string, outputs: OperatorLocalOutputs): Fleet {
  const paths = pathsIn(outputs.stateDirectory);
  return {
    async machines(name = LOCAL_MACHINE) {
      return name === LOCAL_MACHINE ? [status(stack, outputs, livingProcess(paths)?.sshPort)] : [];
    },
    async connect(machine) {
      const running = livingProcess(paths);
      if (!running) throw new OperatorError(`the machine ${machine.name} ended just now: ${bringUp(stack)}`);
      return sshTransport(machine.name, paths, running.sshPort);
    },
  };
}

function status(stack: string, outputs: OperatorLocalOutputs, port: number | undefined): MachineStatus {
  const { ok, rows, kept, differs } = outputs.verification;
  const verdict = port === undefined ? "unknown" : ok ? "passed" : "failed";
  return {
    name: LOCAL_MACHINE,
    state: port === undefined ? "stopped" : "running",
    template: `runtime ${outputs.runtimeImage.replace(/^sha256:/, "").slice(0, 12)}`,
    verification: {
      verdict,
      by: port === undefined ? "it does not run" : `at its start: ${kept} of ${rows} rows ok${differing(differs)}`,
    },
    remarks: [...(port === undefined ? [] : [`ssh on 127.0.0.1:${port}`]), outputs.accelerator],
    ...(port === undefined ? { help: bringUp(stack) } : {}),
  };
}

function differing(ids: readonly string[]): string {
  return ids.length > 0 ? `, ${ids.join(" and ")} differ` : "";
}

function bringUp(stack: string): string {
  const command = stack === "local" ? "npm start" : `npm run -s pulumi -- up --stack ${stack}`;
  return `Start it again: ${command}`;
}
