import { AutoScalingClient, paginateDescribeAutoScalingGroups } from "@aws-sdk/client-auto-scaling";
import { EC2Client, type Instance } from "@aws-sdk/client-ec2";
import type { OperatorAwsOutputs } from "../../contract/outputs.ts";
import { OperatorError } from "../errors.ts";
import { clientSettings } from "./clients.ts";
import { describeInstances } from "./describe.ts";
import { asked } from "./errors.ts";

/**
 * A stack as its tags show it. Nothing of Pulumi is asked: neither its state nor the key of its secrets is needed.
 *
 * @throws OperatorError when nothing in the region carries the stack's tag
 */
export async function discover(stack: string, region: string): Promise<OperatorAwsOutputs> {
  const settings = clientSettings(region);
  const [instances, pools] = await asked(`no list of the machines of ${stack}`, () =>
    Promise.all([describeInstances(new EC2Client(settings), stack), poolsOf(new AutoScalingClient(settings), stack)]),
  );
  const machines = machinesOf(instances);
  if (Object.keys(machines).length === 0 && Object.keys(pools).length === 0)
    throw new OperatorError(
      `nothing in ${region} has the tag cloister:stack=${stack}, in the account of these credentials. Is it another region (--region), another account (AWS_PROFILE), or another stack?`,
      { code: "CLOISTER_E_NO_STACK" },
    );
  return { target: "aws", region, machines, pools };
}

/** Named machines. While one is replaced there are two of its name: the newest is meant. */
export function machinesOf(instances: readonly Instance[]): OperatorAwsOutputs["machines"] {
  const found = instances.flatMap((one) => {
    const name = one.Tags?.find(({ Key }) => Key === "cloister:machine")?.Value;
    return name && one.InstanceId ? [{ name, instanceId: one.InstanceId, since: one.LaunchTime?.getTime() ?? 0 }] : [];
  });
  const sorted = found.sort((a, b) => a.since - b.since);
  return Object.fromEntries(sorted.map(({ name, instanceId }) => [name, { instanceId }]));
}

/** Pools by the tag of their groups; a group's own template says what is current. */
export async function poolsOf(client: AutoScalingClient, stack: string): Promise<OperatorAwsOutputs["pools"]> {
  const pools: Record<string, { groups: { group: string; templateVersion: number }[] }> = {};
  const Filters = [{ Name: "tag:cloister:stack", Values: [stack] }];
  for await (const page of paginateDescribeAutoScalingGroups({ client, pageSize: 100 }, { Filters })) {
    for (const group of page.AutoScalingGroups ?? []) {
      const pool = group.Tags?.find(({ Key }) => Key === "cloister:pool")?.Value;
      const template = group.LaunchTemplate ?? group.MixedInstancesPolicy?.LaunchTemplate?.LaunchTemplateSpecification;
      if (pool === undefined || group.AutoScalingGroupName === undefined) continue;
      pools[pool] ??= { groups: [] };
      pools[pool].groups.push({ group: group.AutoScalingGroupName, templateVersion: Number(template?.Version) });
    }
  }
  return pools;
}
