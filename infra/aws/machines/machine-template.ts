import { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate.js";
import * as pulumi from "@pulumi/pulumi";
import { renderUserData } from "../../../cloud-init/render.ts";
import { expectedOf, type MachineInput, SESSION_LABEL } from "../../../contract/machine.ts";
import { defined } from "../../../lib/defined.ts";
import { instanceSize } from "../plan/graviton.ts";
import type { Tags } from "../tags.ts";

/** Device name at which EC2 attaches the session disk. NVMe disks of EBS carry this name in their vendor-specific data. */
export const SESSION_DEVICE = "/dev/sdf";

/** A runtime image in its bucket. */
export interface RuntimeSource {
  /** SHA-256. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
}

/** Everything that the machines of a stack have in common. */
export interface MachineShape {
  readonly region: string;
  readonly stack: string;
  /** Host name of machines and of the sandboxes on them. */
  readonly hostname: string;
  /** Release of the pinned image, where it is newer than the reference's. @default the reference's */
  readonly ubuntu?: "24.04";
  /** Pinned image, by id. */
  readonly amiId: string;
  readonly instanceType: string;
  readonly rootDiskGiB: number;
  readonly sessionDiskGiB: number;
  /** Memory that all sessions of a machine may use together, in MiB; at most what an instance has, less 1024. */
  readonly sessionMemoryMiB: number;
  readonly keyArn: pulumi.Input<string>;
  readonly instanceProfile: pulumi.Input<string>;
  readonly securityGroupId: pulumi.Input<string>;
  /** Resources made before a machine starts, and deleted after its end: a network's `dependencies`. @default none */
  readonly dependsOn?: readonly pulumi.Resource[];
  readonly runtime: pulumi.Input<RuntimeSource>;
  readonly logGroups: { readonly system: pulumi.Input<string>; readonly audit: pulumi.Input<string> };
  readonly modelKeySecret: pulumi.Input<string>;
  readonly agent: NonNullable<MachineInput["agent"]>;
  /** Packages beside those that all machines have. @default none */
  readonly packages?: readonly string[];
  /** Certificate authorities in PEM, one after the other, beside the public ones. @default none */
  readonly certificateAuthorities?: string;
  /** Mirror from which machines get Ubuntu's packages. @default the image's own mirrors, which speak plain http */
  readonly aptMirror?: string;
  /** Makes a machine whose logs are not shipped one that is not ready. @default false */
  readonly logsRequired?: boolean;
  readonly detailedMonitoring: boolean;
  readonly tags: Tags;
}

/** Everything that differs from template to template. */
export interface TemplateArgs {
  readonly shape: MachineShape;
  readonly instanceType: string;
  /** Types that a pool may start besides. @default none */
  readonly otherTypes?: readonly string[];
  /** Size of the session disk. GiB. */
  readonly sessionDiskGiB: number;
  /** Gives each instance a session disk of its own that goes with it. @default false */
  readonly ownSessionDisk?: boolean;
  readonly terminationProtection?: boolean;
  /** Subnet of the one machine of this template. A pool's machines get theirs from the group. */
  readonly subnetId?: pulumi.Input<string>;
  /** Signals that a pool waits for. */
  readonly pool?: NonNullable<NonNullable<MachineInput["aws"]>["pool"]>;
  readonly tags: Tags;
}

/** Values that a preview renders in place of those that are not known yet; they have the same length. */
const SAMPLE = {
  runtime: {
    digest: "0".repeat(64),
    size: 99_999_999,
    region: "ap-southeast-1",
    bucket: "b".repeat(40),
    key: `runtime/${"0".repeat(64)}.squashfs`,
  },
  log: "/cloister/production/system-0123456",
  secret: `arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:${"s".repeat(40)}`,
};

/** Descriptions that were rendered with {@link SAMPLE} already. */
const sampled = new Set<string>();

/** The user data of a machine, gzip-compressed, as base64. */
export function userDataOf(name: string, args: TemplateArgs): pulumi.Output<string> {
  const { shape, pool } = args;
  const { expected, sessionMemoryMiB } = sizes(args);
  const render = (runtime: RuntimeSource, system: string, audit: string, secret: string): string => {
    const { digest, size, ...source } = runtime;
    const machine: MachineInput = {
      name,
      target: "aws",
      expected,
      runtime: { digest, size, source },
      sessionDisk: { label: SESSION_LABEL, device: SESSION_DEVICE },
      sessions: { memoryMiB: sessionMemoryMiB },
      agent: shape.agent,
      ...(shape.packages?.length ? { packages: shape.packages } : {}),
      aws: {
        region: shape.region,
        stack: shape.stack,
        logGroups: { system, audit },
        modelKeySecret: secret,
        ...(shape.logsRequired ? { logsRequired: true } : {}),
        ...(pool ? { pool } : {}),
      },
    };
    const { hostname, aptMirror, certificateAuthorities } = shape;
    const input = { hostname, operatorKeys: [], machine, aptMirror, certificateAuthorities };
    return renderUserData(defined(input)).gzip.toString("base64");
  };
  // Too much user data is refused here, in the preview, before any of it is known in full. Once for all machines alike:
  // with a hundred of them it takes half a second.
  const alike = JSON.stringify([
    shape.hostname,
    shape.agent,
    shape.aptMirror,
    shape.packages,
    shape.certificateAuthorities,
    pool !== undefined,
  ]);
  if (!sampled.has(alike)) {
    render(SAMPLE.runtime, SAMPLE.log, SAMPLE.log, SAMPLE.secret);
    sampled.add(alike);
  }
  return pulumi
    .all([shape.runtime, shape.logGroups.system, shape.logGroups.audit, shape.modelKeySecret])
    .apply(([runtime, system, audit, secret]) => render(runtime, system, audit, secret));
}

/** The sizes that verification expects, and the memory that sessions may use. */
function sizes(args: TemplateArgs) {
  const { shape, instanceType, otherTypes = [], sessionDiskGiB } = args;
  const known = [instanceType, ...otherTypes].flatMap((type) => instanceSize(type) ?? []);
  const cpus = [...new Set(known.map((size) => size.cpus))];
  const memory = Math.min(...known.map(({ memoryMiB = Number.POSITIVE_INFINITY }) => memoryMiB));
  const expected = expectedOf({
    hostname: shape.hostname,
    ...defined({ ubuntu: shape.ubuntu }),
    ...(cpus.length > 0 ? { cpus } : {}),
    memoryMiB: memory,
    rootDiskGiB: shape.rootDiskGiB,
    sessionDiskGiB,
  });
  return { expected, sessionMemoryMiB: Math.min(shape.sessionMemoryMiB, memory - 1024) };
}

/** The launch template of one machine or one pool: private, encrypted, IMDSv2 with hop limit 1, no ssh key. */
export function machineTemplate(
  name: string,
  machine: string,
  args: TemplateArgs,
  parent: pulumi.Resource,
): LaunchTemplate {
  const { shape, tags } = args;
  const disk = (deviceName: string, volumeSize: number) => ({
    deviceName,
    ebs: { volumeSize, volumeType: "gp3", encrypted: "true", kmsKeyId: shape.keyArn, deleteOnTermination: "true" },
  });
  const all = { ...shape.tags, ...tags, Name: machine };
  return new LaunchTemplate(
    name,
    {
      imageId: shape.amiId,
      instanceType: args.instanceType,
      ebsOptimized: "true",
      userData: userDataOf(machine, args),
      updateDefaultVersion: true,
      iamInstanceProfile: { name: shape.instanceProfile },
      // A template for a group leaves it out: the group ends what has stopped (Auto Scaling user guide, "Create a launch template").
      ...(args.pool ? {} : { instanceInitiatedShutdownBehavior: "stop" }),
      // Not false: the provider leaves that out of the request, and would see a change after each refresh.
      ...(args.terminationProtection ? { disableApiTermination: true } : {}),
      monitoring: { enabled: shape.detailedMonitoring },
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
        // A pool's machine learns its group from them. No secret is in a tag, and on the machine root alone reads metadata.
        instanceMetadataTags: args.pool ? "enabled" : "disabled",
      },
      blockDeviceMappings: [
        disk("/dev/sda1", shape.rootDiskGiB),
        ...(args.ownSessionDisk ? [disk(SESSION_DEVICE, args.sessionDiskGiB)] : []),
      ],
      networkInterfaces: [
        {
          deviceIndex: 0,
          associatePublicIpAddress: "false",
          deleteOnTermination: "true",
          securityGroups: [shape.securityGroupId],
          ...(args.subnetId ? { subnetId: args.subnetId } : {}),
        },
      ],
      // Tags of the provider reach neither instances of a group nor their disks.
      tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
        resourceType,
        tags: all,
      })),
      tags: { ...shape.tags, ...tags },
    },
    // Dependencies sit on the template, not on each group: everything that uses the template inherits them, and the state
    // stays small.
    { parent, dependsOn: [...(shape.dependsOn ?? [])] },
  );
}
