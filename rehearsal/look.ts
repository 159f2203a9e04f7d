/** Reads what there is in moto, by AWS's SDK: what tests assert against. */
import { AutoScaling } from "@aws-sdk/client-auto-scaling";
import { Budgets } from "@aws-sdk/client-budgets";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { EC2 } from "@aws-sdk/client-ec2";
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { S3 } from "@aws-sdk/client-s3";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SNS } from "@aws-sdk/client-sns";
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
      ec2.describeVpcs({}).then((a) => a.Vpcs),
      (one) => one.VpcId,
    ),
    add(
      "subnet",
      ec2.describeSubnets({}).then((a) => a.Subnets),
      (one) => one.SubnetId,
    ),
    add(
      "route table",
      ec2.describeRouteTables({}).then((a) => a.RouteTables),
      (one) => one.RouteTableId,
    ),
    add(
      "internet gateway",
      ec2.describeInternetGateways({}).then((a) => a.InternetGateways),
      (one) => one.InternetGatewayId,
    ),
    add(
      "NAT gateway",
      ec2.describeNatGateways({}).then((a) => a.NatGateways?.filter(({ State }) => living(State))),
      (one) => one.NatGatewayId,
    ),
    add(
      "address",
      ec2.describeAddresses({}).then((a) => a.Addresses),
      (one) => one.AllocationId,
    ),
    add(
      "endpoint",
      ec2.describeVpcEndpoints({}).then((a) => a.VpcEndpoints?.filter(({ State }) => living(State?.toLowerCase()))),
      (one) => one.VpcEndpointId,
    ),
    add(
      "flow log",
      ec2.describeFlowLogs({}).then((a) => a.FlowLogs),
      (one) => one.FlowLogId,
    ),
    add(
      "security group",
      ec2.describeSecurityGroups({}).then((a) => a.SecurityGroups),
      (one) => one.GroupId,
    ),
    add(
      "launch template",
      ec2.describeLaunchTemplates({}).then((a) => a.LaunchTemplates),
      (one) => one.LaunchTemplateName,
    ),
    add("instance", instancesOf(clients), (one) => one.InstanceId),
    add(
      "volume",
      // moto gives an instance of a group a root disk too many, of 8 GiB without tags, and forgets to take it away.
      ec2.describeVolumes({}).then((a) => a.Volumes?.filter(({ Tags, Size }) => Tags?.length || Size !== 8)),
      (one) => one.VolumeId,
    ),
    add("interface", interfacesOf(clients), (one) => one.NetworkInterfaceId),
    add(
      "group",
      autoScaling.describeAutoScalingGroups({}).then((a) => a.AutoScalingGroups),
      (one) => one.AutoScalingGroupName,
    ),
    add(
      "schedule",
      autoScaling.describeScheduledActions({}).then((a) => a.ScheduledUpdateGroupActions),
      (one) => one.ScheduledActionName,
    ),
    add(
      "role",
      iam.listRoles({}).then((a) => a.Roles),
      (one) => one.RoleName,
    ),
    add(
      "profile",
      iam.listInstanceProfiles({}).then((a) => a.InstanceProfiles),
      (one) => one.InstanceProfileName,
    ),
    add(
      "alias",
      kms.listAliases({}).then((a) => a.Aliases),
      (one) => one.AliasName,
    ),
    add("key", keysOf(clients), (one) => one),
    add(
      "secret",
      secrets.listSecrets({}).then((a) => a.SecretList),
      (one) => one.Name,
    ),
    add(
      "bucket",
      s3.listBuckets({}).then((a) => a.Buckets),
      (one) => one.Name,
    ),
    add(
      "log group",
      logs.describeLogGroups({}).then((a) => a.logGroups),
      (one) => one.logGroupName,
    ),
    add(
      "alarm",
      cloudWatch.describeAlarms({}).then((a) => a.MetricAlarms),
      (one) => one.AlarmName,
    ),
    add(
      "topic",
      sns.listTopics({}).then((a) => a.Topics),
      (one) => one.TopicArn,
    ),
    add(
      "dashboard",
      cloudWatch.listDashboards({}).then((a) => a.DashboardEntries),
      (one) => one.DashboardName,
    ),
    add(
      "budget",
      budgets.describeBudgets({ AccountId: account }).then((a) => a.Budgets),
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
  const { Reservations } = await ec2.describeInstances({});
  const all = (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
  return all.filter(({ State }) => State?.Name !== "terminated");
}

/** EC2 deletes no subnet with an interface in it: one whose subnet is gone is only in moto's memory. */
async function interfacesOf({ ec2 }: Pick<Clients, "ec2">) {
  const { Subnets = [] } = await ec2.describeSubnets({});
  const { NetworkInterfaces = [] } = await ec2.describeNetworkInterfaces({});
  return NetworkInterfaces.filter((one) => Subnets.some(({ SubnetId }) => SubnetId === one.SubnetId));
}

async function keysOf({ kms }: Pick<Clients, "kms">): Promise<string[]> {
  const { Keys } = await kms.listKeys({});
  const states = await Promise.all(
    (Keys ?? []).map(async ({ KeyId }) => (await kms.describeKey({ KeyId })).KeyMetadata),
  );
  return states.flatMap((key) => (key?.KeyId && key.KeyState !== "PendingDeletion" ? [key.KeyId] : []));
}
