import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { EC2Client } from "@aws-sdk/client-ec2";
import { SSMClient } from "@aws-sdk/client-ssm";
import type { OperatorAwsOutputs } from "../../contract/outputs.ts";
import { OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import { clientSettings } from "./clients.ts";
import { describeGroups, describeInstances, describePings } from "./describe.ts";
import { asked } from "./errors.ts";
import { oldRemark, type RefreshState, refreshState } from "./refresh.ts";
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
      const there = await withRefreshes(
        instances.map((instance) => machineStatus(instance, { outputs, groups, pings })),
        outputs,
        { scaling, stack },
      );
      const names = new Set(there.map((machine) => machine.name));
      const gone = Object.keys(outputs.machines).filter((named) => !names.has(named) && (name ?? named) === named);
      if (there.length === 0) await refuseOtherAccount(stack, outputs);
      return [...there, ...gone.map((named) => missingMachine(named, stack))].sort(byPoolAndName);
    },
    async connect(machine) {
      const { ssmTransport } = await import("./ssm.ts");
      return ssmTransport(machine.name, instanceOf(machine, outputs), outputs.region);
    },
  };
}

/** Says beside machines of an old template whether a refresh runs. The list is useful without it. */
async function withRefreshes(
  machines: readonly MachineStatus[],
  outputs: OperatorAwsOutputs,
  { scaling, stack }: { readonly scaling: AutoScalingClient; readonly stack: string },
): Promise<MachineStatus[]> {
  const old = new Set(machines.flatMap(({ pool, current }) => (pool !== undefined && current === false ? [pool] : [])));
  const states = new Map<string, RefreshState>();
  for (const pool of old) {
    const all = await Promise.all(
      (outputs.pools[pool]?.groups ?? []).map(({ group }) => refreshState(scaling, group).catch(() => undefined)),
    );
    const known = all.filter((state) => state !== undefined);
    const state = known.find(({ runs }) => runs) ?? known[0];
    if (state) states.set(pool, state);
  }
  return machines.map((machine) => {
    const state = machine.pool === undefined || machine.current !== false ? undefined : states.get(machine.pool);
    if (state === undefined || machine.pool === undefined) return machine;
    return { ...machine, remarks: [oldRemark(state, stack, machine.pool), ...machine.remarks] };
  });
}

/** An empty list may mean that these credentials are for another account. */
async function refuseOtherAccount(stack: string, { accountId, region }: OperatorAwsOutputs): Promise<void> {
  if (accountId === undefined) return;
  const { STSClient, GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
  const { Account } = await new STSClient(clientSettings(region)).send(new GetCallerIdentityCommand({}));
  if (Account !== undefined && Account !== accountId)
    throw new OperatorError(
      `the stack ${stack} is in the account ${accountId}, and these credentials are for ${Account}. Set AWS_PROFILE, or sign in there.`,
      { code: "CLOISTER_E_AWS" },
    );
}

function byPoolAndName(
  a: { readonly pool?: string; readonly name: string },
  b: { readonly pool?: string; readonly name: string },
): number {
  return (a.pool ?? "").localeCompare(b.pool ?? "") || a.name.localeCompare(b.name);
}
