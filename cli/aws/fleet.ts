import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { EC2Client } from "@aws-sdk/client-ec2";
import { SSMClient } from "@aws-sdk/client-ssm";
import type { OperatorAwsOutputs } from "../../contract/outputs.ts";
import type { Fleet } from "../fleet.ts";
import { clientSettings } from "./clients.ts";
import { describeGroups, describeInstances, describePings } from "./describe.ts";
import { asked } from "./errors.ts";
import { instanceOf, machineStatus, missingMachine } from "./status.ts";

/** The machines of a stack on AWS, as EC2, Auto Scaling and SSM report them at this moment. */
export function awsFleet(stack: string, outputs: OperatorAwsOutputs): Fleet {
  const settings = clientSettings(outputs.region);
  const ec2 = new EC2Client(settings);
  const scaling = new AutoScalingClient(settings);
  const ssm = new SSMClient(settings);
  const known = Object.values(outputs.pools).flatMap((pool) => pool.groups);
  return {
    async machines(name) {
      const id = name === undefined ? undefined : (outputs.machines[name]?.instanceId ?? name);
      const [instances, groups, pings] = await asked(`no list of the machines of ${stack}`, () =>
        Promise.all([
          describeInstances(ec2, stack, id),
          describeGroups(
            scaling,
            known.map(({ group }) => group),
          ),
          // The list is useful without it: it lacks one word.
          describePings(ssm, stack, id).catch(() => undefined),
        ]),
      );
      const there = instances.map((instance) => machineStatus(instance, { outputs, groups, pings }));
      const names = new Set(there.map((machine) => machine.name));
      const gone = Object.keys(outputs.machines).filter((named) => !names.has(named) && (name ?? named) === named);
      return [...there, ...gone.map((named) => missingMachine(named, stack))].sort(byPoolAndName);
    },
    async connect(machine) {
      const { ssmTransport } = await import("./ssm.ts");
      return ssmTransport(machine.name, instanceOf(machine, outputs), outputs.region);
    },
  };
}

function byPoolAndName(
  a: { readonly pool?: string; readonly name: string },
  b: { readonly pool?: string; readonly name: string },
): number {
  return (a.pool ?? "").localeCompare(b.pool ?? "") || a.name.localeCompare(b.name);
}
