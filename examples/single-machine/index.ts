/** One named machine with all that it needs, in a network of its own: the least that makes sense. */
import { Secret } from "@pulumi/aws/secretsmanager/secret.js";
import * as pulumi from "@pulumi/pulumi";
import { Encryption, Logs, MachineRole, NamedMachine, Network, RuntimeBucket, RuntimeImage } from "cloister/aws";

const config = new pulumi.Config();
const region = config.require("region");
const amiId = config.require("amiId");
const stack = pulumi.getStack();
const zones = [`${region}a`, `${region}b`];
const tags = { team: "agents" };

const { keyArn } = new Encryption("agents", { region, tags });
const logs = new Logs("agents", { prefix: "/cloister/agents", retentionDays: 30, keyArn, tags });
const bucket = new RuntimeBucket("agents", { keyArn, tags });
const image = new RuntimeImage("runtime-image", { region, bucket: bucket.bucket });
const secret = new Secret("model-key", {
  description: "Key of the model's API. Put the value here by hand.",
  kmsKeyId: keyArn,
  recoveryWindowInDays: 7,
  tags,
});
const role = new MachineRole("agents-machine", {
  region,
  stack,
  bucketArn: bucket.arn,
  keyArn,
  logGroupArns: [logs.system.arn, logs.audit.arn],
  modelKeySecretArn: secret.arn,
  tags,
});
const network = new Network("agents", { region, zones, tags });

const machine = new NamedMachine("ada", {
  shape: {
    region,
    stack,
    hostname: "claude",
    amiId,
    instanceType: "c8g.xlarge",
    rootDiskGiB: 10,
    sessionDiskGiB: 10,
    sessionMemoryMiB: 3891,
    keyArn,
    instanceProfile: role.profile,
    securityGroupId: network.securityGroupId,
    dependsOn: network.dependencies,
    runtime: image.source,
    logGroups: { system: logs.system.name, audit: logs.audit.name },
    modelKeySecret: secret.arn,
    agent: {},
    aptMirror: "https://ports.ubuntu.com/ubuntu-ports",
    detailedMonitoring: false,
    tags,
  },
  zone: `${region}a`,
  subnetId: network.subnetIds[`${region}a`] ?? "",
});

/** The command that leads into the machine. */
export const shellCommand = machine.shellCommand;
/** Put the model's key here, by hand. */
export const modelKeySecret = secret.arn;
