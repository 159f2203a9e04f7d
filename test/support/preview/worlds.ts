import assert from "node:assert/strict";
import { clientsOf, instancesOf, tagsOf } from "../../../rehearsal/look.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { BASE } from "./scenarios.ts";

/** A credential that somebody writes where it does not belong. */
export const CANARY = `ghp_${"0123456789abcdefghijABCDEFGHIJ"}012345`;

/** The stack whose account is changed. Its data is protected, its machines too, and its pool has a schedule. */
export const WORLD = {
  ...BASE,
  onDestroy: "refuse",
  terminationProtection: true,
  pools: {
    workers: {
      min: 0,
      max: 2,
      schedules: { day: { cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", min: 1, desired: 2, max: 4 } },
    },
  },
};

/** One thing after the other that somebody, or AWS itself, does to the account. Each comes on top of those before it. */
export const WORLDS: Readonly<Record<string, (stack: Rehearsal) => Promise<void>>> = {
  none: async () => {},

  /** The schedule fires, scaling adds a machine, and a roll leaves a version of the template that says the same. */
  scaling: async ({ moto }) => {
    const { autoScaling, ec2 } = clientsOf(moto.endpoint);
    const { AutoScalingGroups: [group] = [] } = await autoScaling.describeAutoScalingGroups({});
    const AutoScalingGroupName = group?.AutoScalingGroupName ?? "";
    await autoScaling.updateAutoScalingGroup({ AutoScalingGroupName, MinSize: 1, DesiredCapacity: 3, MaxSize: 4 });
    const { LaunchTemplates = [] } = await ec2.describeLaunchTemplates({});
    const LaunchTemplateId = LaunchTemplates.find(({ LaunchTemplateName }) =>
      LaunchTemplateName?.includes("one"),
    )?.LaunchTemplateId;
    const { LaunchTemplateVersions: [version] = [] } = await ec2.describeLaunchTemplateVersions({
      LaunchTemplateId,
      Versions: ["$Latest"],
    });
    const { LaunchTemplateData = {} } = version ?? {};
    assert.ok(LaunchTemplateData.ImageId);
    await ec2.createLaunchTemplateVersion({ LaunchTemplateId, LaunchTemplateData: LaunchTemplateData as object });
  },

  tag: async ({ moto }) => {
    const { ec2 } = clientsOf(moto.endpoint);
    const Tags = [
      { Key: "owner", Value: CANARY },
      { Key: "cloister:stack", Value: "mine" },
    ];
    await ec2.createTags({ Resources: [await diskOf(moto.endpoint, "one")], Tags });
  },

  /** A way in, a right, and a machine that can be ended. */
  rule: async ({ moto }) => {
    const clients = clientsOf(moto.endpoint);
    const { SecurityGroups = [] } = await clients.ec2.describeSecurityGroups({});
    const GroupId = SecurityGroups.find(({ GroupName }) => GroupName?.includes("machines"))?.GroupId;
    const range = { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
    await clients.ec2.authorizeSecurityGroupIngress({ GroupId, IpPermissions: [range] });
    const { Policy } = await clients.iam.createPolicy({
      PolicyName: "everything",
      PolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
      }),
    });
    const { Roles = [] } = await clients.iam.listRoles({});
    const RoleName = Roles.find((role) => role.RoleName?.includes("machine"))?.RoleName;
    await clients.iam.attachRolePolicy({ RoleName, PolicyArn: Policy?.Arn });
    const two = (await instancesOf(clients)).find(({ Tags }) => tagsOf(Tags)["cloister:machine"] === "two");
    await clients.ec2.modifyInstanceAttribute({
      InstanceId: two?.InstanceId,
      DisableApiTermination: { Value: false },
    });
  },

  unprotected: async ({ engine }) => {
    const urn = (await engine.resources()).find((one) => one.urn.endsWith("::two-session"))?.urn ?? "";
    const { exitCode, all } = await engine.run(["state", "unprotect", urn, "--yes", "--stack", "dev"]);
    assert.equal(exitCode, 0, all);
  },

  disk: async ({ moto }) => {
    const { ec2 } = clientsOf(moto.endpoint);
    const VolumeId = await diskOf(moto.endpoint, "one");
    const { Volumes: [disk] = [] } = await ec2.describeVolumes({ VolumeIds: [VolumeId] });
    const { InstanceId, Device } = disk?.Attachments?.[0] ?? {};
    await ec2.detachVolume({ VolumeId, InstanceId, Device });
    await ec2.deleteVolume({ VolumeId });
  },
};

/** The session disk of a machine. */
async function diskOf(endpoint: string, machine: string): Promise<string> {
  const { Volumes = [] } = await clientsOf(endpoint).ec2.describeVolumes({});
  return Volumes.find(({ Tags }) => tagsOf(Tags)["Name"] === `${machine}-session`)?.VolumeId ?? "";
}

/** The stack, brought up once. */
export async function worldStack(report?: (line: string) => void): Promise<Rehearsal> {
  const stack = await Rehearsal.create({ stack: "dev", config: WORLD, ...(report ? { report } : {}) });
  const { exitCode, all } = await stack.engine.up();
  if (exitCode === 0) return stack;
  await stack.dispose();
  throw new Error(all);
}
