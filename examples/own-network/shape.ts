/** The shape of machines whose bucket, image, role and secret another stack makes, once per account. */
import * as pulumi from "@pulumi/pulumi";
import type { Logs, MachineShape, Network } from "cloister/aws";

interface Parts {
  readonly region: string;
  readonly keyArn: pulumi.Input<string>;
  readonly logs: Logs;
  readonly network: Network;
}

/** They come by configuration. */
export function shapeOf({ region, keyArn, logs, network }: Parts): MachineShape {
  const config = new pulumi.Config();
  const digest = config.require("runtimeDigest");
  return {
    region,
    stack: "agents",
    hostname: "claude",
    amiId: config.require("amiId"),
    instanceType: "c8g.xlarge",
    rootDiskGiB: 10,
    sessionDiskGiB: 10,
    sessionMemoryMiB: 3891,
    keyArn,
    instanceProfile: config.require("instanceProfile"),
    securityGroupId: network.securityGroupId,
    dependsOn: network.dependencies,
    runtime: {
      digest,
      size: config.requireNumber("runtimeSize"),
      region,
      bucket: config.require("bucket"),
      key: `runtime/${digest}.squashfs`,
    },
    logGroups: { system: logs.system.name, audit: logs.audit.name },
    modelKeySecret: config.require("modelKeySecret"),
    agent: {},
    aptMirror: "https://ports.ubuntu.com/ubuntu-ports",
    detailedMonitoring: false,
    tags: { team: "agents" },
  };
}
