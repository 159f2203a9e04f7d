/** Reads what there is in moto, by AWS's SDK: what tests assert against. */

import {
  AutoScaling,
  paginateDescribeAutoScalingGroups,
  paginateDescribeScheduledActions,
} from "@aws-sdk/client-auto-scaling";
import { Budgets, paginateDescribeBudgets } from "@aws-sdk/client-budgets";
import { CloudWatch, paginateDescribeAlarms, paginateListDashboards } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs, paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import {
  EC2,
  paginateDescribeFlowLogs,
  paginateDescribeInstances,
  paginateDescribeInternetGateways,
  paginateDescribeLaunchTemplates,
  paginateDescribeNatGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroups,
  paginateDescribeSubnets,
  paginateDescribeVolumes,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
} from "@aws-sdk/client-ec2";
import { IAM, paginateListInstanceProfiles, paginateListRoles } from "@aws-sdk/client-iam";
import { KMS, paginateListAliases, paginateListKeys } from "@aws-sdk/client-kms";
import { paginateListBuckets, S3 } from "@aws-sdk/client-s3";
import { paginateListSecrets, SecretsManager } from "@aws-sdk/client-secrets-manager";
import { paginateListTopics, SNS } from "@aws-sdk/client-sns";
import type { AwsHandler } from "../lib/aws-connection.ts";
import type { Kept } from "./plugin/answers.ts";

/** One client of each service that the program uses. */
export type Clients = ReturnType<typeof clientsWith>;

/** Clients of moto. */
export function clientsOf(endpoint: string, region = "eu-central-1") {
  const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
  return clientsWith({ endpoint, region, credentials, maxAttempts: 1 });
}

/** Clients of AWS itself, or of whatever the settings name. */
export function clientsWith(settings: {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts?: number;
  readonly requestHandler?: AwsHandler;
}) {
  return {
    autoScaling: new AutoScaling(settings),
    budgets: new Budgets(settings),
    cloudWatch: new CloudWatch(settings),
    ec2: new EC2(settings),
    iam: new IAM(settings),
    kms: new KMS(settings),
    logs: new CloudWatchLogs(settings),
    s3: new S3({ ...settings, forcePathStyle: settings.endpoint !== undefined }),
    sns: new SNS(settings),
    secrets: new SecretsManager(settings),
  };
}

/** What a service lists, of all its pages: an account has more than fit on one. */
async function every<P, T>(pages: AsyncIterable<P>, of: (page: P) => T[] | undefined): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...(of(page) ?? []));
  return all;
}

/** Tags as a map. */
export const tagsOf = (
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> => Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));

/** Lists everything that exists, one line each, `kind id`. */
export async function inventory(clients: Clients, kept: Kept, account = "123456789012"): Promise<string[]> {
  const { autoScaling, budgets, cloudWatch, ec2, iam, kms, logs, s3, secrets, sns } = clients;
  const found: Record<string, (string | undefined)[]> = {};
  const add = async <T>(kind: string, list: Promise<T[] | undefined>, id: (one: T) => string | undefined) => {
    found[kind] = ((await list) ?? []).map(id);
  };
  const living = (state: string | undefined) => !["deleted", "deleting", "terminated"].includes(state ?? "");
  await Promise.all([
    add(
      "vpc",
      every(paginateDescribeVpcs({ client: ec2 }, {}), (a) => a.Vpcs),
      (one) => one.VpcId,
    ),
    add(
      "subnet",
      every(paginateDescribeSubnets({ client: ec2 }, {}), (a) => a.Subnets),
      (one) => one.SubnetId,
    ),
    add(
      "route table",
      every(paginateDescribeRouteTables({ client: ec2 }, {}), (a) => a.RouteTables),
      (one) => one.RouteTableId,
    ),
    add(
      "internet gateway",
      every(paginateDescribeInternetGateways({ client: ec2 }, {}), (a) => a.InternetGateways),
      (one) => one.InternetGatewayId,
    ),
    add(
      "NAT gateway",
      every(paginateDescribeNatGateways({ client: ec2 }, {}), (a) =>
        a.NatGateways?.filter(({ State }) => living(State)),
      ),
      (one) => one.NatGatewayId,
    ),
    add(
      "address",
      ec2.describeAddresses({}).then((a) => a.Addresses),
      (one) => one.AllocationId,
    ),
    add(
      "endpoint",
      every(paginateDescribeVpcEndpoints({ client: ec2 }, {}), (a) =>
        a.VpcEndpoints?.filter(({ State }) => living(State?.toLowerCase())),
      ),
      (one) => one.VpcEndpointId,
    ),
    add(
      "flow log",
      every(paginateDescribeFlowLogs({ client: ec2 }, {}), (a) => a.FlowLogs),
      (one) => one.FlowLogId,
    ),
    add(
      "security group",
      every(paginateDescribeSecurityGroups({ client: ec2 }, {}), (a) => a.SecurityGroups),
      (one) => one.GroupId,
    ),
    add(
      "launch template",
      every(paginateDescribeLaunchTemplates({ client: ec2 }, {}), (a) => a.LaunchTemplates),
      (one) => one.LaunchTemplateName,
    ),
    add("instance", instancesOf(clients), (one) => one.InstanceId),
    add(
      "volume",
      // moto gives an instance of a group a root disk too many, of 8 GiB without tags, and forgets to take it away.
      every(paginateDescribeVolumes({ client: ec2 }, {}), (a) =>
        a.Volumes?.filter(({ Tags, Size }) => Tags?.length || Size !== 8),
      ),
      (one) => one.VolumeId,
    ),
    add("interface", interfacesOf(clients), (one) => one.NetworkInterfaceId),
    add(
      "group",
      every(paginateDescribeAutoScalingGroups({ client: autoScaling }, {}), (a) => a.AutoScalingGroups),
      (one) => one.AutoScalingGroupName,
    ),
    add(
      "schedule",
      every(paginateDescribeScheduledActions({ client: autoScaling }, {}), (a) => a.ScheduledUpdateGroupActions),
      (one) => one.ScheduledActionName,
    ),
    add(
      "role",
      every(paginateListRoles({ client: iam }, {}), (a) => a.Roles),
      (one) => one.RoleName,
    ),
    add(
      "profile",
      every(paginateListInstanceProfiles({ client: iam }, {}), (a) => a.InstanceProfiles),
      (one) => one.InstanceProfileName,
    ),
    add(
      "alias",
      every(paginateListAliases({ client: kms }, {}), (a) => a.Aliases),
      (one) => one.AliasName,
    ),
    add("key", keysOf(clients), (one) => one),
    add(
      "secret",
      every(paginateListSecrets({ client: secrets }, {}), (a) => a.SecretList),
      (one) => one.Name,
    ),
    add(
      "bucket",
      every(paginateListBuckets({ client: s3 }, {}), (a) => a.Buckets),
      (one) => one.Name,
    ),
    add(
      "log group",
      every(paginateDescribeLogGroups({ client: logs }, {}), (a) => a.logGroups),
      (one) => one.logGroupName,
    ),
    add(
      "alarm",
      every(paginateDescribeAlarms({ client: cloudWatch }, {}), (a) => a.MetricAlarms),
      (one) => one.AlarmName,
    ),
    add(
      "topic",
      every(paginateListTopics({ client: sns }, {}), (a) => a.Topics),
      (one) => one.TopicArn,
    ),
    add(
      "dashboard",
      every(paginateListDashboards({ client: cloudWatch }, {}), (a) => a.DashboardEntries),
      (one) => one.DashboardName,
    ),
    add(
      "budget",
      every(paginateDescribeBudgets({ client: budgets }, { AccountId: account }), (a) => a.Budgets),
      (one) => one.BudgetName,
    ),
  ]);
  for (const [kind, things] of Object.entries(kept)) {
    // Refreshes are events, and monitoring is how an instance is: no things.
    if (!["autoscaling:refresh", "ec2:monitoring"].includes(kind)) found[kind] = Object.keys(things);
  }
  return Object.entries(found)
    .flatMap(([kind, ids]) => ids.map((id) => `${kind} ${id}`))
    .sort();
}

/** All instances but those that are gone. */
export async function instancesOf({ ec2 }: Pick<Clients, "ec2">) {
  const reservations = await every(paginateDescribeInstances({ client: ec2 }, {}), (a) => a.Reservations);
  const all = reservations.flatMap(({ Instances }) => Instances ?? []);
  return all.filter(({ State }) => State?.Name !== "terminated");
}

/** EC2 deletes no subnet with an interface in it: one whose subnet is gone is only in moto's memory. */
async function interfacesOf({ ec2 }: Pick<Clients, "ec2">) {
  const subnets = await every(paginateDescribeSubnets({ client: ec2 }, {}), (a) => a.Subnets);
  const interfaces = await every(paginateDescribeNetworkInterfaces({ client: ec2 }, {}), (a) => a.NetworkInterfaces);
  return interfaces.filter((one) => subnets.some(({ SubnetId }) => SubnetId === one.SubnetId));
}

async function keysOf({ kms }: Pick<Clients, "kms">): Promise<string[]> {
  const keys = await every(paginateListKeys({ client: kms }, {}), (a) => a.Keys);
  const states = await Promise.all(keys.map(async ({ KeyId }) => (await kms.describeKey({ KeyId })).KeyMetadata));
  return states.flatMap((key) => (key?.KeyId && key.KeyState !== "PendingDeletion" ? [key.KeyId] : []));
}
