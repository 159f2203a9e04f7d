/** What the machines of the examples have in common. */
import * as pulumi from "@pulumi/pulumi";
import type { MachineShape } from "../infra/aws/machines/machine-template.ts";
import type { Network } from "../infra/aws/network/network.ts";
import type { Logs } from "../infra/aws/watch/logs.ts";

interface Parts {
  readonly region: string;
  readonly keyArn: pulumi.Input<string>;
  readonly logs: Logs;
  readonly network: Network;
}

/** Bucket, image, role and secret come from elsewhere, by configuration: another stack makes them once per account. */
export function shapeOf({ region, keyArn, logs, network }: Parts): MachineShape {
  const config = new pulumi.Config("agents");
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
