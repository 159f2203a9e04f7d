import { MetricAlarm } from "@pulumi/aws/cloudwatch/metricAlarm.js";
import { Volume } from "@pulumi/aws/ebs/volume.js";
import { Instance } from "@pulumi/aws/ec2/instance.js";
import { VolumeAttachment } from "@pulumi/aws/ec2/volumeAttachment.js";
import { Command, Logging } from "@pulumi/command/local/index.js";
import * as pulumi from "@pulumi/pulumi";
import { partitionOf } from "../partition.ts";
import { ENTER_PACKAGE } from "../steps/enter.ts";
import { type MachineShape, machineTemplate, SESSION_DEVICE } from "./machine-template.ts";

/** Arguments of {@link NamedMachine}. */
export interface NamedMachineArgs {
  readonly shape: MachineShape;
  /** Zone of machine and session disk. A change is refused where the disk is protected: it cannot move. */
  readonly zone: string;
  readonly subnetId: pulumi.Input<string>;
  /** Size of the session disk, in GiB. @default the shape's */
  readonly sessionDiskGiB?: number;
  /** @default the shape's */
  readonly instanceType?: string;
  /** Makes EC2 refuse to terminate it for others than this program. @default false */
  readonly terminationProtection?: boolean;
}

/** A machine with an identity of its own, and a session disk that outlives it. Reached by SSM alone. */
export class NamedMachine extends pulumi.ComponentResource {
  readonly instanceId: pulumi.Output<string>;
  readonly sessionVolumeId: pulumi.Output<string>;
  readonly templateVersion: pulumi.Output<number>;
  /** Command line that leads into the machine. */
  readonly shellCommand: pulumi.Output<string>;

  constructor(name: string, args: NamedMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:NamedMachine", name, {}, opts);
    const { shape, zone, subnetId, terminationProtection = false } = args;
    const { instanceType = shape.instanceType, sessionDiskGiB = shape.sessionDiskGiB } = args;
    const parent = { parent: this };
    const own = { "cloister:machine": name };
    const tags = { ...shape.tags, ...own };
    const volume = new Volume(
      `${name}-session`,
      {
        availabilityZone: zone,
        size: sessionDiskGiB,
        type: "gp3",
        encrypted: true,
        kmsKeyId: shape.keyArn,
        tags: { ...tags, Name: `${name}-session`, "cloister:snapshots": shape.stack },
      },
      parent,
    );
    const template = machineTemplate(
      name,
      name,
      {
        shape,
        instanceType,
        sessionDiskGiB,
        // Not by the instance itself: EC2 refuses a subnet beside network interfaces, also those of a template.
        subnetId,
        terminationProtection,
        tags: own,
      },
      this,
    );
    const instance = new Instance(
      name,
      {
        // The version makes any change of the template a new machine.
        launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
        // The template's own, said again. Otherwise the provider reads them back as text, which compressed bytes are not: the
        // instance would be made and then lost (hashicorp/terraform-provider-aws#48793, pulumi/pulumi-terraform-bridge#3478).
        userDataBase64: template.userData.apply((text) => text ?? ""),
        userDataReplaceOnChange: true,
        // The provider sends false for these where they are not set, whatever the template says (buildInstanceOpts).
        monitoring: shape.detailedMonitoring,
        ebsOptimized: true,
        disableApiTermination: terminationProtection,
        // Without it this program could not replace a machine that is protected against everyone else.
        forceDestroy: terminationProtection,
        tags: { ...tags, Name: name },
      },
      // A new machine comes before the old one goes: without capacity, quota or image for it the old one stays. It waits for its
      // session disk at boot. In a destroy the disk goes after the machine that has it.
      { parent: this, dependsOn: volume },
    );
    const handedOver = new Command(
      `${name}-hand-over`,
      {
        create: `${ENTER_PACKAGE} && exec node --import tsx infra/aws/steps/hand-over.ts`,
        environment: { CLOISTER_REGION: shape.region, CLOISTER_VOLUME: volume.id, CLOISTER_INSTANCE: instance.id },
        triggers: [instance.id, volume.id],
        logging: Logging.Stderr,
      },
      parent,
    );
    new VolumeAttachment(
      `${name}-session`,
      {
        instanceId: instance.id,
        volumeId: volume.id,
        deviceName: SESSION_DEVICE,
        // The step before has detached it, and whatever ends an instance detaches its disks. The provider would stop an instance
        // that somebody else has terminated, and fail.
        skipDestroy: true,
      },
      { parent: this, dependsOn: handedOver },
    );
    new MetricAlarm(
      `${name}-recovery`,
      {
        alarmDescription: `Starts ${name} elsewhere when its host fails`,
        namespace: "AWS/EC2",
        metricName: "StatusCheckFailed_System",
        dimensions: { InstanceId: instance.id },
        statistic: "Maximum",
        period: 60,
        evaluationPeriods: 2,
        threshold: 1,
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        alarmActions: [`arn:${partitionOf(shape.region)}:automate:${shape.region}:ec2:recover`],
        tags,
      },
      parent,
    );
    this.instanceId = instance.id;
    this.sessionVolumeId = volume.id;
    this.templateVersion = template.latestVersion;
    this.shellCommand = pulumi.interpolate`aws ssm start-session --region ${shape.region} --target ${instance.id} --document-name AWS-StartInteractiveCommand --parameters command="bash -l"`;
    this.registerOutputs({
      instanceId: this.instanceId,
      sessionVolumeId: this.sessionVolumeId,
      templateVersion: this.templateVersion,
      shellCommand: this.shellCommand,
    });
  }
}
