/* biome-ignore-all lint/suspicious/noExplicitAny: inputs of any resource */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { z } from "zod";
import { parseStack } from "../../../../cli/stack.ts";
import { AwsOutputs } from "../../../../contract/outputs.ts";
import { deployerPolicy } from "../../../../infra/aws/access/deployer-policy.ts";
import { protectData } from "../../../../infra/aws/data/on-destroy.ts";
import { awsProblems } from "../../../../infra/aws/plan/problems/index.ts";
import type { Settings } from "../../../../infra/settings/settings.ts";
import { type Registered, recordResources, settled } from "./mocks.ts";
import { AMI, settingsOf } from "./settings.ts";
import { newTarget } from "./target.ts";

async function build(settings: Settings, stack = "dev", preview = false): Promise<{ all: Registered[]; outputs: any }> {
  const all = recordResources(preview);
  const { outputs } = newTarget(settings, stack);
  await settled(all);
  return { all, outputs };
}

const specificationOf = (inputs: Registered["inputs"]) =>
  inputs["mixedInstancesPolicy"].launchTemplate.launchTemplateSpecification;
const of = (all: readonly Registered[], type: string): Registered[] => all.filter((r) => r.type === type);

describe("the AWS target under mocks", () => {
  const stacks = new Map<string, Registered[]>();
  before(async function () {
    this.timeout(60_000);
    for (const stack of ["dev", "staging", "prod"]) stacks.set(stack, (await build(settingsOf(stack), stack)).all);
  });
  const each = (look: (all: Registered[], stack: string) => void): void => {
    for (const [stack, all] of stacks) look(all, stack);
  };

  it("finds nothing wrong with the stacks of this repository", () => {
    for (const stack of ["dev", "staging", "prod"]) assert.deepEqual(awsProblems(settingsOf(stack), stack), []);
  });

  it("keeps the role of machines where stacks have it, by type, name and policy", () => {
    each((all, stack) => {
      const name = `cloister-${stack}-machine`;
      const [component] = all.filter((one) => one.name === name && one.type.startsWith("cloister:"));
      // Another type or parent would be another resource: the role would be replaced under running machines.
      assert.equal(component?.type, "cloister:aws:ServiceRole");
      const [policy] = of(all, "aws:iam/rolePolicy:RolePolicy").filter((one) => one.name === name);
      const { Statement } = JSON.parse(policy?.inputs["policy"]) as { Statement: { Resource: string | string[] }[] };
      const groups = `arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/cloister-${stack}-*`;
      assert.ok(
        Statement.some(({ Resource }) => [Resource].flat().includes(groups)),
        stack,
      );
    });
  });

  it("lets services take their roles for this account alone", () => {
    each((all, stack) => {
      const roles = of(all, "aws:iam/role:Role").filter(({ name }) => !name.endsWith("-machine"));
      for (const { name, inputs } of roles) {
        const [statement] = JSON.parse(inputs["assumeRolePolicy"]).Statement;
        assert.deepEqual(
          statement.Condition,
          { StringEquals: { "aws:SourceAccount": "123456789012" } },
          `${stack} ${name}`,
        );
      }
    });
  });

  it("gives machines no inbound rule, and HTTPS and DNS out", () => {
    each((all) => {
      const groups = of(all, "aws:ec2/securityGroup:SecurityGroup");
      for (const { inputs } of groups) {
        assert.equal(inputs["ingress"], undefined);
        assert.equal(inputs["egress"], undefined);
      }
      for (const { inputs } of of(all, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")) {
        assert.match(inputs["securityGroupId"], /endpoints-id$/);
        assert.equal(inputs["cidrIpv4"], undefined);
      }
      const out = of(all, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule");
      assert.deepEqual([...new Set(out.map(({ inputs }) => inputs["fromPort"]))].sort(), [443, 53]);
    });
  });

  it("makes templates private, encrypted, with IMDSv2 and hop limit 1, tags on everything", () => {
    each((all, stack) => {
      const templates = of(all, "aws:ec2/launchTemplate:LaunchTemplate");
      assert.ok(templates.length >= 2);
      for (const { inputs } of templates) {
        assert.equal(inputs["metadataOptions"].httpTokens, "required");
        assert.equal(inputs["metadataOptions"].httpPutResponseHopLimit, 1);
        assert.equal(inputs["keyName"], undefined);
        assert.equal(inputs["networkInterfaces"][0].associatePublicIpAddress, "false");
        assert.equal(inputs["imageId"], AMI.id);
        for (const { ebs } of inputs["blockDeviceMappings"]) {
          assert.equal(ebs.encrypted, "true");
          assert.equal(ebs.volumeType, "gp3");
          assert.match(ebs.kmsKeyId, /^arn:aws:kms/);
        }
        assert.deepEqual(
          inputs["tagSpecifications"].map((t: { resourceType: string }) => t.resourceType),
          ["instance", "volume", "network-interface"],
        );
        for (const { tags } of inputs["tagSpecifications"]) assert.equal(tags["cloister:stack"], stack);
      }
    });
  });

  it("renders user data of at most 8,192 bytes that names the runtime image and holds no secret", () => {
    each((all) => {
      for (const { inputs } of of(all, "aws:ec2/launchTemplate:LaunchTemplate")) {
        const gzip = Buffer.from(inputs["userData"], "base64");
        assert.ok(gzip.length <= 8192, `${gzip.length} bytes`);
        const document = parse(gunzipSync(gzip).toString()) as { write_files: { path: string; content: string }[] };
        const machine = JSON.parse(
          document.write_files.find(({ path }) => path.endsWith("machine.json"))?.content ?? "",
        );
        assert.equal(machine.target, "aws");
        assert.equal(machine.runtime.digest, "ab".repeat(32));
        assert.equal(machine.runtime.source.bucket.startsWith("cloister-"), true);
        assert.equal(machine.sessions.memoryMiB, 3891);
        assert.equal(machine.sessionDisk.device, "/dev/sdf");
        assert.match(machine.aws.modelKeySecret, /^arn:/);
        const environment = document.write_files.find(({ path }) => path.endsWith("boot.env"))?.content ?? "";
        const { pool } = machine.aws;
        assert.equal(/^POOL_LAUNCH_HOOK=(.*)$/m.exec(environment)?.[1], pool?.launchHook);
        assert.equal(/^POOL_END_HOOK=(.*)$/m.exec(environment)?.[1], pool?.terminateHook);
        if (pool) assert.equal(pool.verifySeconds, 900, "the hook's heartbeat");
        const { apt } = document as { apt?: Record<string, { uri: string }[]> };
        for (const suite of ["primary", "security"]) {
          assert.equal(apt?.[suite]?.[0]?.uri, "https://ports.ubuntu.com/ubuntu-ports", "port 80 is closed");
        }
      }
    });
  });

  it("keeps the session disk of a named machine apart from the machine", () => {
    each((all, stack) => {
      for (const { name, inputs } of of(all, "aws:ec2/instance:Instance")) {
        assert.equal(inputs["launchTemplate"].version, "7");
        assert.equal(inputs["disableApiTermination"], stack === "prod");
        const volume = of(all, "aws:ebs/volume:Volume").find((v) => v.name === `${name}-session`);
        assert.equal(volume?.inputs["encrypted"], true);
        assert.equal(volume?.inputs["size"], 10);
        const attached = of(all, "aws:ec2/volumeAttachment:VolumeAttachment").find((a) => a.name === `${name}-session`);
        assert.equal(attached?.inputs["volumeId"], `${name}-session-id`);
      }
    });
  });

  it("makes groups that refresh, wait for signals and never balance zones by force", () => {
    each((all) => {
      for (const { inputs } of of(all, "aws:autoscaling/group:Group")) {
        const spec =
          inputs["launchTemplate"] ?? inputs["mixedInstancesPolicy"].launchTemplate.launchTemplateSpecification;
        assert.equal(spec.version, "7");
        assert.deepEqual(inputs["suspendedProcesses"], ["AZRebalance"]);
        assert.equal(inputs["instanceRefresh"].strategy, "Rolling");
        for (const tag of inputs["tags"]) assert.equal(tag.propagateAtLaunch, true);
      }
    });
    assert.ok(!JSON.stringify([...stacks.values()]).includes("$Latest"));
  });

  it("has no wildcard in an action that is allowed", () => {
    each((all) => {
      for (const { inputs } of all) {
        for (const text of [inputs["policy"], inputs["assumeRolePolicy"]]) {
          if (typeof text !== "string") continue;
          for (const { Effect, Action } of JSON.parse(text).Statement) {
            if (Effect === "Allow") assert.ok(![Action].flat().some((a: string) => a.includes("*")), text);
          }
        }
      }
    });
  });

  it("closes the bucket, encrypts logs, and differs between stacks as configured", () => {
    each((all, stack) => {
      assert.equal(
        of(all, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")[0]?.inputs["restrictPublicBuckets"],
        true,
      );
      for (const { inputs } of of(all, "aws:cloudwatch/logGroup:LogGroup")) {
        assert.match(inputs["kmsKeyId"], /^arn:/);
        assert.equal(inputs["retentionInDays"], { dev: 7, staging: 30, prod: 365 }[stack]);
      }
      assert.equal(of(all, "aws:ec2/natGateway:NatGateway").length, stack === "prod" ? 3 : 1);
    });
  });

  it("needs a deployer's policy that knows every type, without a wildcard in an action", () => {
    each((all) => {
      const policy = deployerPolicy(
        all.map(({ type }) => type).filter((t) => !t.startsWith("pulumi:")),
        "eu-central-1",
      );
      for (const { Action } of policy.Statement) {
        for (const action of Action) assert.match(action, /^[a-z0-9]+:[A-Za-z]+$/);
      }
    });
  });

  it("has a state that does not grow with a pool, and groups of at most 500", async () => {
    const pool = (max: number) => settingsOf("dev", { "cloister:pools": { p: { max } } });
    const one = await build(pool(1));
    const many = await build(pool(500));
    const large = await build(pool(1200));
    assert.equal(one.all.length, many.all.length);
    const groups = of(large.all, "aws:autoscaling/group:Group");
    assert.deepEqual(
      groups.map(({ inputs }) => inputs["maxSize"]),
      [400, 400, 400],
    );
    assert.equal(large.outputs.pools.p.startSeconds, 100);
  });

  it("has the outputs that the operator's command reads", async () => {
    const { outputs } = await build(settingsOf("prod"), "prod");
    const { output } = await import("@pulumi/pulumi");
    const found = await new Promise<Record<string, unknown>>((resolve) => output(outputs).apply(resolve as never));
    // All of them are as the contract says, and none is more.
    const known = z.strictObject(AwsOutputs.shape).safeParse(found);
    assert.ok(known.success, known.error?.message);
    const { outputs: read } = parseStack("prod", found);
    assert.ok(read.target === "aws");
    assert.equal(read.region, "eu-central-1");
    assert.deepEqual(Object.keys(read.machines), ["one", "two"]);
    assert.equal(read.pools["workers"]?.groups[0]?.group, "cloister-prod-workers");
    const { vpcId, subnetIds, keyArn, machineRoleArn } = known.data?.resources ?? assert.fail("no resources");
    assert.deepEqual([vpcId, Object.keys(subnetIds).length], ["cloister-prod-id", 3]);
    assert.match(keyArn, /^arn:aws:kms:/);
    assert.match(machineRoleArn, /^arn:aws:iam:.*:cloister-prod-machine$/);
  });

  it("plans the same resources when nothing is known yet, and leaves open what depends on that", async () => {
    const names = (all: readonly Registered[]) => all.map(({ type, name }) => `${type} ${name}`).sort();
    for (const [stack, created] of stacks) {
      const { all: planned } = await build(settingsOf(stack), stack, true);
      assert.deepEqual(names(planned), names(created));
      // User data has the bucket's name, and a group its template's version.
      for (const { name, inputs } of of(planned, "aws:ec2/launchTemplate:LaunchTemplate"))
        assert.ok(pulumi.isUnknown(inputs["userData"]), name);
      for (const { inputs } of of(planned, "aws:autoscaling/group:Group"))
        assert.ok(
          pulumi.isUnknown((inputs["launchTemplate"] ?? specificationOf(inputs)).version),
          JSON.stringify(inputs["launchTemplate"]),
        );
      // What is known is said: a preview shows it.
      for (const { inputs } of of(planned, "aws:ec2/launchTemplate:LaunchTemplate"))
        assert.equal(inputs["imageId"], AMI.id);
    }
  });

  it("would not pass unseen if it called a function of the provider that its mocks do not know", async () => {
    recordResources();
    await pulumi.runtime.invoke("aws:ec2/getPrefixList:getPrefixList", {});
    // The SDK leaves the mock's message out.
    await assert.rejects(pulumi.runtime.invoke("aws:ec2/getAmi:getAmi", {}));
  });
});

describe("protection of data", () => {
  const transform = (onDestroy: Settings["onDestroy"], type: string) => {
    const args = { custom: true, type, name: "x", props: {}, opts: {} } as pulumi.ResourceTransformArgs;
    return (protectData(onDestroy)(args) as pulumi.ResourceTransformResult)?.opts;
  };
  it("is on by default, off when data may go, and never on machines", () => {
    assert.deepEqual(transform("refuse", "aws:ebs/volume:Volume"), { protect: true, retainOnDelete: true });
    assert.deepEqual(transform("keep-data", "aws:ebs/volume:Volume"), { protect: false, retainOnDelete: true });
    assert.equal(transform("delete-data", "aws:ebs/volume:Volume"), undefined);
    assert.equal(transform("refuse", "aws:ec2/instance:Instance"), undefined);
  });
});
