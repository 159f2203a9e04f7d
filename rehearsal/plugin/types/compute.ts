/** Machines: launch templates, instances and their disks. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { RequestLaunchTemplateData, ResponseLaunchTemplateData } from "@aws-sdk/client-ec2";
import { z } from "zod";
import { ec2, made } from "../clients.ts";
import {
  arn,
  count,
  flag,
  type Props,
  type ResourceType,
  resource,
  tags,
  text,
  unlessGone,
  until,
} from "../resource.ts";
import { retag, specified, tagged } from "./network.ts";

/** The provider takes these as text: "true" and "false". */
const flagText = z.enum(["true", "false"]);

const templateInputs = z.strictObject({
  name: text,
  imageId: text.regex(/^ami-/),
  instanceType: text,
  ebsOptimized: flagText,
  userData: text,
  updateDefaultVersion: flag,
  iamInstanceProfile: z.strictObject({ name: text }),
  instanceInitiatedShutdownBehavior: z.enum(["stop", "terminate"]).optional(),
  disableApiTermination: flag.optional(),
  monitoring: z.strictObject({ enabled: flag }),
  metadataOptions: z.strictObject({
    httpEndpoint: z.enum(["enabled", "disabled"]),
    httpTokens: z.enum(["required", "optional"]),
    httpPutResponseHopLimit: count,
    instanceMetadataTags: z.enum(["enabled", "disabled"]),
  }),
  blockDeviceMappings: z.array(
    z.strictObject({
      deviceName: text,
      ebs: z.strictObject({
        volumeSize: count,
        volumeType: text,
        encrypted: flagText,
        kmsKeyId: arn,
        deleteOnTermination: flagText,
      }),
    }),
  ),
  networkInterfaces: z.array(
    z.strictObject({
      deviceIndex: count,
      associatePublicIpAddress: flagText,
      deleteOnTermination: flagText,
      securityGroups: z.array(text),
      subnetId: text.optional(),
    }),
  ),
  tagSpecifications: z.array(z.strictObject({ resourceType: text, tags: z.record(text, text) })),
  tags,
});
type TemplateInputs = z.infer<typeof templateInputs>;

const toData = (inputs: TemplateInputs): RequestLaunchTemplateData => ({
  ImageId: inputs.imageId,
  InstanceType: inputs.instanceType as "c8g.xlarge",
  EbsOptimized: inputs.ebsOptimized === "true",
  UserData: inputs.userData,
  IamInstanceProfile: { Name: inputs.iamInstanceProfile.name },
  InstanceInitiatedShutdownBehavior: inputs.instanceInitiatedShutdownBehavior,
  DisableApiTermination: inputs.disableApiTermination,
  Monitoring: { Enabled: inputs.monitoring.enabled },
  MetadataOptions: {
    HttpEndpoint: inputs.metadataOptions.httpEndpoint,
    HttpTokens: inputs.metadataOptions.httpTokens,
    HttpPutResponseHopLimit: inputs.metadataOptions.httpPutResponseHopLimit,
    InstanceMetadataTags: inputs.metadataOptions.instanceMetadataTags,
  },
  BlockDeviceMappings: inputs.blockDeviceMappings.map(({ deviceName, ebs }) => ({
    DeviceName: deviceName,
    Ebs: {
      VolumeSize: ebs.volumeSize,
      VolumeType: ebs.volumeType as "gp3",
      Encrypted: ebs.encrypted === "true",
      KmsKeyId: ebs.kmsKeyId,
      DeleteOnTermination: ebs.deleteOnTermination === "true",
    },
  })),
  NetworkInterfaces: inputs.networkInterfaces.map((one) => ({
    DeviceIndex: one.deviceIndex,
    AssociatePublicIpAddress: one.associatePublicIpAddress === "true",
    DeleteOnTermination: one.deleteOnTermination === "true",
    Groups: one.securityGroups,
    ...(one.subnetId ? { SubnetId: one.subnetId } : {}),
  })),
  TagSpecifications: inputs.tagSpecifications.map((one) => ({
    ResourceType: one.resourceType as "instance",
    Tags: Object.entries(one.tags).map(([Key, Value]) => ({ Key, Value })),
  })),
});

const fromData = (data: ResponseLaunchTemplateData): Partial<TemplateInputs> => ({
  imageId: data.ImageId ?? "",
  instanceType: data.InstanceType ?? "",
  ebsOptimized: data.EbsOptimized ? "true" : "false",
  userData: data.UserData ?? "",
  iamInstanceProfile: { name: data.IamInstanceProfile?.Name ?? "" },
  ...(data.InstanceInitiatedShutdownBehavior
    ? { instanceInitiatedShutdownBehavior: data.InstanceInitiatedShutdownBehavior }
    : {}),
  ...(data.DisableApiTermination ? { disableApiTermination: true } : {}),
  monitoring: { enabled: data.Monitoring?.Enabled ?? false },
  metadataOptions: {
    httpEndpoint: data.MetadataOptions?.HttpEndpoint ?? "enabled",
    httpTokens: data.MetadataOptions?.HttpTokens ?? "optional",
    httpPutResponseHopLimit: data.MetadataOptions?.HttpPutResponseHopLimit ?? 0,
    instanceMetadataTags: data.MetadataOptions?.InstanceMetadataTags ?? "disabled",
  },
  blockDeviceMappings: (data.BlockDeviceMappings ?? []).map(({ DeviceName, Ebs }) => ({
    deviceName: DeviceName ?? "",
    ebs: {
      volumeSize: Ebs?.VolumeSize ?? 0,
      volumeType: Ebs?.VolumeType ?? "",
      encrypted: Ebs?.Encrypted ? "true" : "false",
      kmsKeyId: Ebs?.KmsKeyId ?? "",
      deleteOnTermination: Ebs?.DeleteOnTermination ? "true" : "false",
    },
  })),
  networkInterfaces: (data.NetworkInterfaces ?? []).map((one) => ({
    deviceIndex: one.DeviceIndex ?? 0,
    associatePublicIpAddress: one.AssociatePublicIpAddress ? "true" : "false",
    deleteOnTermination: one.DeleteOnTermination ? "true" : "false",
    securityGroups: one.Groups ?? [],
    ...(one.SubnetId ? { subnetId: one.SubnetId } : {}),
  })),
  // moto adds the template's own tags to those of what is made from it.
  tagSpecifications: (data.TagSpecifications ?? [])
    .filter((one) => one.ResourceType !== "launch-template")
    .map((one) => ({
      resourceType: one.ResourceType ?? "",
      tags: Object.fromEntries((one.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value])),
    })),
});

/** Refuses user data that EC2 always refuses (user guide, "Work with instance user data"). */
function tooMuch(userData: string): void {
  const bytes = Buffer.from(userData, "base64").length;
  if (bytes > 16_384) throw new Error(`InvalidUserData.Malformed: ${bytes} bytes, at most 16384`);
}

const launchTemplate = resource<TemplateInputs>({
  inputs: templateInputs,
  autoName: "name",
  replaceOn: ["name"],
  source: "ec2/ec2_launch_template.go",
  ordered: ["blockDeviceMappings", "networkInterfaces", "tagSpecifications"],
  computed: ["arn", "latestVersion", "defaultVersion", "tagsAll"],
  volatile: ["latestVersion", "defaultVersion"],
  async create(inputs) {
    tooMuch(inputs.userData);
    const { LaunchTemplate } = await (await ec2()).createLaunchTemplate({
      LaunchTemplateName: inputs.name,
      LaunchTemplateData: toData(inputs),
      ...specified("launch-template", inputs.tags),
    });
    return LaunchTemplate?.LaunchTemplateId ?? "";
  },
  async read(id) {
    const api = await ec2();
    const found = (await unlessGone(api.describeLaunchTemplates({ LaunchTemplateIds: [id] })))?.LaunchTemplates?.[0];
    if (!found) return undefined;
    const { LaunchTemplateVersions } = await api.describeLaunchTemplateVersions({
      LaunchTemplateId: id,
      Versions: [String(found.LatestVersionNumber)],
    });
    return {
      name: found.LaunchTemplateName,
      ...fromData(LaunchTemplateVersions?.[0]?.LaunchTemplateData ?? {}),
      latestVersion: found.LatestVersionNumber,
      defaultVersion: found.DefaultVersionNumber,
      ...tagged(found.Tags),
    };
  },
  async update(id, news, olds) {
    tooMuch(news.userData);
    const api = await ec2();
    const data = toData(news);
    if (JSON.stringify(data) !== JSON.stringify(toData(olds))) {
      const { LaunchTemplateVersion } = await api.createLaunchTemplateVersion({
        LaunchTemplateId: id,
        LaunchTemplateData: data,
      });
      if (news.updateDefaultVersion)
        await api.modifyLaunchTemplate({
          LaunchTemplateId: id,
          DefaultVersion: String(LaunchTemplateVersion?.VersionNumber),
        });
    }
    await retag(id, olds.tags, news.tags);
  },
  async delete(id) {
    await (await ec2()).deleteLaunchTemplate({ LaunchTemplateId: id });
  },
});

async function instanceOf(id: string) {
  const { Reservations } = (await unlessGone((await ec2()).describeInstances({ InstanceIds: [id] }))) ?? {};
  return Reservations?.[0]?.Instances?.[0];
}

/** One of AWS's own tags. The provider asks for them alone, before the instance itself (`findInstanceTagValue`). */
async function tagOf(instanceId: string, key: string): Promise<string | undefined> {
  const { Tags } = await (await ec2()).describeTags({
    Filters: [
      { Name: "resource-id", Values: [instanceId] },
      { Name: "key", Values: [key] },
    ],
  });
  return Tags?.[0]?.Value;
}

/** User data as the provider reads it back: as text where it was not given as base64. gRPC carries UTF-8 alone. */
async function userDataOf(InstanceId: string, asBase64: boolean): Promise<Props> {
  const { UserData } = await (await ec2()).describeInstanceAttribute({ InstanceId, Attribute: "userData" });
  if (!UserData?.Value) return {};
  if (asBase64) return { userDataBase64: UserData.Value };
  const bytes = Buffer.from(UserData.Value, "base64");
  if (!isUtf8(bytes)) throw new Error("grpc: error while marshaling: string field contains invalid UTF-8 (userData)");
  return { userData: bytes.toString() };
}

const stateOf = async (id: string): Promise<string> => (await instanceOf(id))?.State?.Name ?? "terminated";

const instance = resource({
  inputs: z.strictObject({
    launchTemplate: z.strictObject({ id: text, version: text }),
    userDataBase64: text.optional(),
    // Without it the provider stops and starts a machine whose user data changed: not rehearsed.
    userDataReplaceOnChange: z.literal(true).optional(),
    monitoring: flag.optional(),
    ebsOptimized: flag.optional(),
    disableApiTermination: flag.optional(),
    forceDestroy: flag.optional(),
    tags,
  }),
  // The version is forced to be new by the provider's own code (CustomizeDiff): when it differs from the instance's.
  replaceOn: ["launchTemplate.id", "launchTemplate.version", "userDataBase64", "ebsOptimized"],
  source: "ec2/ec2_instance.go",
  computed: ["arn", "availabilityZone", "instanceState", "primaryNetworkInterfaceId", "privateIp", "tagsAll"],
  async create(inputs) {
    const { Instances } = await (await ec2()).runInstances({
      MinCount: 1,
      MaxCount: 1,
      LaunchTemplate: { LaunchTemplateId: inputs.launchTemplate.id, Version: inputs.launchTemplate.version },
      UserData: inputs.userDataBase64,
      // False where they are not set, as the provider sends them (`buildInstanceOpts`).
      Monitoring: { Enabled: inputs.monitoring ?? false },
      EbsOptimized: inputs.ebsOptimized ?? false,
      DisableApiTermination: inputs.disableApiTermination ?? false,
      ...specified("instance", inputs.tags),
    });
    const id = made(Instances?.[0]?.InstanceId);
    await until(`${id} to run`, async () => (await stateOf(id)) === "running");
    // The provider's create ends with its update, which does this again.
    if (inputs.monitoring) await monitor(id, true);
    return id;
  },
  async read(id, state) {
    const found = await instanceOf(id);
    if (!found || ["terminated", "shutting-down"].includes(found.State?.Name ?? "")) return undefined;
    const { DisableApiTermination } = await (await ec2()).describeInstanceAttribute({
      InstanceId: id,
      Attribute: "disableApiTermination",
    });
    return {
      launchTemplate: {
        id: await tagOf(id, "aws:ec2launchtemplate:id"),
        version: await tagOf(id, "aws:ec2launchtemplate:version"),
      },
      ...(await userDataOf(id, state.userDataBase64 !== undefined)),
      monitoring: ["enabled", "pending"].includes(found.Monitoring?.State ?? ""),
      ebsOptimized: found.EbsOptimized,
      // moto hands on text where a flag is due, also Python's "True".
      disableApiTermination: String(DisableApiTermination?.Value).toLowerCase() === "true",
      availabilityZone: found.Placement?.AvailabilityZone,
      instanceState: found.State?.Name,
      privateIp: found.PrivateIpAddress,
      primaryNetworkInterfaceId: found.NetworkInterfaces?.[0]?.NetworkInterfaceId,
      ...tagged(found.Tags),
    };
  },
  async update(id, news, olds) {
    if (news.disableApiTermination !== olds.disableApiTermination)
      await protect(id, news.disableApiTermination ?? false);
    if (news.monitoring !== olds.monitoring) await monitor(id, news.monitoring ?? false);
    await retag(id, olds.tags, news.tags);
  },
  async delete(id, { forceDestroy }) {
    if (forceDestroy) await protect(id, false);
    await (await ec2()).terminateInstances({ InstanceIds: [id] });
    await until(`${id} to be gone`, async () => (await stateOf(id)) === "terminated");
  },
});

async function protect(InstanceId: string, Value: boolean): Promise<void> {
  await (await ec2()).modifyInstanceAttribute({ InstanceId, DisableApiTermination: { Value } });
}

async function monitor(id: string, on: boolean): Promise<void> {
  const api = await ec2();
  const InstanceIds = [id];
  await (on ? api.monitorInstances({ InstanceIds }) : api.unmonitorInstances({ InstanceIds }));
}

const volume = resource({
  inputs: z.strictObject({
    availabilityZone: text,
    size: count,
    type: text,
    encrypted: flag,
    kmsKeyId: arn,
    tags,
  }),
  replaceOn: ["availabilityZone", "encrypted", "kmsKeyId"],
  source: "ec2/ebs_volume.go",
  computed: ["arn", "createTime", "iops", "throughput", "tagsAll"],
  async create(inputs) {
    const { VolumeId = "" } = await (await ec2()).createVolume({
      AvailabilityZone: inputs.availabilityZone,
      Size: inputs.size,
      VolumeType: inputs.type as "gp3",
      Encrypted: inputs.encrypted,
      KmsKeyId: inputs.kmsKeyId,
      ...specified("volume", inputs.tags),
    });
    return VolumeId;
  },
  async read(id) {
    const found = await volumeOf(id);
    return (
      found && {
        availabilityZone: found.AvailabilityZone,
        size: found.Size,
        type: found.VolumeType,
        encrypted: found.Encrypted,
        kmsKeyId: found.KmsKeyId,
        ...tagged(found.Tags),
      }
    );
  },
  async update(id, news, olds) {
    if (news.size < olds.size) throw new Error(`InvalidParameterValue: a volume cannot shrink to ${news.size} GiB`);
    if (news.size !== olds.size || news.type !== olds.type)
      await (await ec2()).modifyVolume({ VolumeId: id, Size: news.size, VolumeType: news.type as "gp3" });
    await retag(id, olds.tags, news.tags);
  },
  async delete(id) {
    await (await ec2()).deleteVolume({ VolumeId: id });
  },
});

async function volumeOf(id: string) {
  return (await unlessGone((await ec2()).describeVolumes({ VolumeIds: [id] })))?.Volumes?.[0];
}

const volumeAttachment = resource({
  inputs: z.strictObject({
    instanceId: text,
    volumeId: text,
    deviceName: text,
    skipDestroy: flag.optional(),
  }),
  replaceOn: ["instanceId", "volumeId", "deviceName"],
  source: "ec2/ebs_volume_attachment.go",
  computed: [],
  async create(inputs) {
    await (await ec2()).attachVolume({
      InstanceId: inputs.instanceId,
      VolumeId: inputs.volumeId,
      Device: inputs.deviceName,
    });
    const digest = createHash("sha256").update(`${inputs.deviceName}-${inputs.instanceId}-${inputs.volumeId}`);
    return `vai-${digest.digest("hex").slice(0, 10)}`;
  },
  async read(_id, { instanceId, volumeId }) {
    const found = (await volumeOf(volumeId))?.Attachments?.find((one) => one.InstanceId === instanceId);
    return found && { instanceId: found.InstanceId, volumeId: found.VolumeId, deviceName: found.Device };
  },
  async update() {},
  async delete(_id, { instanceId, volumeId, deviceName, skipDestroy }) {
    if (skipDestroy) return;
    await (await ec2()).detachVolume({ InstanceId: instanceId, VolumeId: volumeId, Device: deviceName });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:ec2/launchTemplate:LaunchTemplate": launchTemplate,
  "aws:ec2/instance:Instance": instance,
  "aws:ebs/volume:Volume": volume,
  "aws:ec2/volumeAttachment:VolumeAttachment": volumeAttachment,
};
