/**
 * EC2 merges a launch template into the request that names it. moto 5.2.5 takes image, type, user data, disks and some
 * tags from the template, not: network interfaces, metadata options, profile, monitoring, tags of disks and interfaces.
 * Protection against termination it takes from neither.
 */
import type {
  EC2,
  RequestLaunchTemplateData,
  RunInstancesCommandInput,
  RunInstancesCommandOutput,
  Tag,
} from "@aws-sdk/client-ec2";

type Next = (args: { input: object }) => Promise<unknown>;

/** EC2's error for a request with both interfaces and a subnet, also when the template has the interfaces. */
class InvalidParameterCombination extends Error {
  override readonly name = "InvalidParameterCombination";
}

/** RunInstances as EC2 does it. `api` is the client that sends the request. */
export async function launchInput(request: object, next: Next, api: EC2): Promise<Record<string, unknown>> {
  const input = request as RunInstancesCommandInput;
  const data = input.LaunchTemplate ? await templateOf(api, input.LaunchTemplate) : {};
  if (data.NetworkInterfaces?.length && input.SubnetId)
    throw new InvalidParameterCombination(
      "Network interfaces and an instance-level subnet ID may not be specified on the same request",
    );
  const { TagSpecifications, LaunchTemplate, ...own } = input;
  const { TagSpecifications: templateTags = [], ...template } = data;
  const merged = {
    ...template,
    ...own,
    LaunchTemplate,
    TagSpecifications: TagSpecifications?.length ? [...templateTags, ...TagSpecifications] : templateTags,
  };
  // To moto "false" is true for these.
  const input_: Partial<typeof merged> = { ...merged };
  if (!input_.Monitoring?.Enabled) delete input_.Monitoring;
  if (!input_.EbsOptimized) delete input_.EbsOptimized;
  const { output } = (await next({ input: input_ })) as { output: RunInstancesCommandOutput };
  await tagParts(api, output, (type) =>
    merged.TagSpecifications.filter((tags) => tags.ResourceType === type).flatMap((tags) => tags.Tags ?? []),
  );
  for (const { InstanceId } of merged.DisableApiTermination ? (output.Instances ?? []) : [])
    await api.modifyInstanceAttribute({ InstanceId, DisableApiTermination: { Value: true } });
  return { ...output };
}

async function templateOf(
  api: EC2,
  which: NonNullable<RunInstancesCommandInput["LaunchTemplate"]>,
): Promise<RequestLaunchTemplateData> {
  const { LaunchTemplateVersions } = await api.describeLaunchTemplateVersions({
    LaunchTemplateId: which.LaunchTemplateId,
    Versions: [which.Version ?? "$Default"],
  });
  return (LaunchTemplateVersions?.[0]?.LaunchTemplateData ?? {}) as RequestLaunchTemplateData;
}

async function tagParts(api: EC2, output: RunInstancesCommandOutput, tagsOf: (type: string) => Tag[]): Promise<void> {
  const InstanceIds = (output.Instances ?? []).map(({ InstanceId = "" }) => InstanceId);
  const { Reservations } = await api.describeInstances({ InstanceIds });
  const instances = (Reservations ?? []).flatMap((reservation) => reservation.Instances ?? []);
  const interfaces = instances.flatMap((one) => one.NetworkInterfaces ?? []).map((one) => one.NetworkInterfaceId ?? "");
  const volumes = instances.flatMap((one) => one.BlockDeviceMappings ?? []).map((one) => one.Ebs?.VolumeId ?? "");
  for (const [type, Resources] of [
    ["network-interface", interfaces],
    ["volume", volumes],
  ] as const) {
    const Tags = tagsOf(type);
    if (Tags.length > 0 && Resources.length > 0) await api.createTags({ Resources: [...Resources], Tags });
  }
}
