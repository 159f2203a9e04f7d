import {
  type AutoScalingClient,
  type Instance as Member,
  paginateDescribeAutoScalingGroups,
} from "@aws-sdk/client-auto-scaling";
import { type EC2Client, type Instance, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import { paginateDescribeInstanceInformation, type SSMClient } from "@aws-sdk/client-ssm";

/** States of machines that are listed: they run, will run, can run again, or are just ending. */
const STATES = ["pending", "running", "stopping", "stopped", "shutting-down"];

/** All instances of a stack. They are found by their tag, up to 1,000 with each call. */
export async function describeInstances(client: EC2Client, stack: string, id?: string): Promise<Instance[]> {
  const Filters = [
    { Name: "tag:cloister:stack", Values: [stack] },
    { Name: "instance-state-name", Values: STATES },
    ...(id === undefined ? [] : [{ Name: "instance-id", Values: [id] }]),
  ];
  const found: Instance[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client, pageSize: 1000 }, { Filters })) {
    for (const { Instances = [] } of Reservations) found.push(...Instances);
  }
  return found;
}

/** A member of a group. */
export type GroupMember = Member & {
  /** Version of the template that the group has now: after an update that failed half-way the outputs name the one before. */
  readonly wanted?: number;
};

/** The groups' members, by instance. One call lists up to 100 groups with all their members. */
export async function describeGroups(
  client: AutoScalingClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, GroupMember>> {
  const members = new Map<string, GroupMember>();
  // Without a name the API would list every group of the account.
  if (names.length === 0) return members;
  const asking = { AutoScalingGroupNames: [...names] };
  for await (const page of paginateDescribeAutoScalingGroups({ client, pageSize: 100 }, asking)) {
    for (const group of page.AutoScalingGroups ?? []) {
      const template = group.LaunchTemplate ?? group.MixedInstancesPolicy?.LaunchTemplate?.LaunchTemplateSpecification;
      const version = Number(template?.Version);
      const wanted = Number.isNaN(version) ? {} : { wanted: version };
      for (const member of group.Instances ?? [])
        if (member.InstanceId) members.set(member.InstanceId, { ...member, ...wanted });
    }
  }
  return members;
}

/**
 * The state of SSM's agent, by instance: `Online`, `ConnectionLost`, `Inactive`. A call asks for 50 instances, which is
 * SSM's limit.
 */
export async function describePings(
  client: SSMClient,
  stack: string,
  id?: string,
): Promise<ReadonlyMap<string, string>> {
  const Filters =
    id === undefined
      ? [{ Key: "tag:cloister:stack", Values: [stack] }]
      : /^m?i-[0-9a-f]{8,17}$/.test(id)
        ? [{ Key: "InstanceIds", Values: [id] }]
        : undefined;
  const pings = new Map<string, string>();
  // SSM refuses an id that is not an instance's, and then lists nothing at all.
  if (!Filters) return pings;
  for await (const page of paginateDescribeInstanceInformation({ client, pageSize: 50 }, { Filters })) {
    for (const { InstanceId, PingStatus } of page.InstanceInformationList ?? []) {
      if (InstanceId && PingStatus) pings.set(InstanceId, PingStatus);
    }
  }
  return pings;
}
