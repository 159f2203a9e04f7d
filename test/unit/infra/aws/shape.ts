import type { MachineShape } from "../../../../infra/aws/machines/machine-template.ts";

/** The shape that machines of a test share. */
export const shape: MachineShape = {
  region: "eu-central-1",
  stack: "dev",
  hostname: "claude",
  amiId: "ami-1",
  instanceType: "c8g.xlarge",
  rootDiskGiB: 10,
  sessionDiskGiB: 10,
  sessionMemoryMiB: 3891,
  keyArn: "arn:aws:kms:key",
  instanceProfile: "machines",
  securityGroupId: "sg-1",
  runtime: {
    digest: "ab".repeat(32),
    size: 99_999_999,
    region: "eu-central-1",
    bucket: "images",
    key: "runtime/image",
  },
  logGroups: { system: "/cloister/dev/system", audit: "/cloister/dev/audit" },
  modelKeySecret: "arn:aws:secretsmanager:key",
  agent: {},
  detailedMonitoring: false,
  tags: {},
};
