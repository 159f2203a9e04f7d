import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { recordResources, settled } from "./mocks.ts";

describe("the examples", () => {
  const config = {
    amiId: "ami-0123456789abcdef0",
    runtimeDigest: "ab".repeat(32),
    runtimeSize: "1000",
    instanceProfile: "machines",
    bucket: "images",
    modelKeySecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key",
  };
  for (const [example, type, count] of [
    ["single-machine", "aws:ec2/instance:Instance", 1],
    ["spot-pool", "aws:autoscaling/group:Group", 1],
    ["own-network", "aws:autoscaling/group:Group", 3],
  ] as const) {
    it(`${example} runs`, async function () {
      this.timeout(30_000);
      const resources = recordResources();
      for (const [key, value] of Object.entries(config)) pulumi.runtime.setConfig(`agents:${key}`, value);
      await import(`../../../../examples/${example}.ts`);
      await settled(resources);
      assert.equal(resources.filter((r) => r.type === type).length, count);
    });
  }
});
