import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { type MachineShape, userDataOf } from "../../../../infra/aws/machines/machine-template.ts";
import { NamedMachine, type NamedMachineArgs } from "../../../../infra/aws/machines/named-machine.ts";
import { describeOptions, type Made, make, type Row, type Rows, userData } from "./options.ts";
import { shape } from "./shape.ts";

const template = (made: Made) => made.one("LaunchTemplate");
const machine = (made: Made) => userData(template(made)["userData"]).machine;
const disks = (made: Made) => template(made)["blockDeviceMappings"].map((one: { ebs: object }) => one.ebs);

describe("what all machines have in common", () => {
  const base: NamedMachineArgs = { shape, zone: "eu-central-1a", subnetId: "subnet-a" };
  type Shape = { shape: MachineShape };
  const row = (change: Partial<MachineShape>, sees: (made: Made) => unknown, before: unknown, after: unknown) => ({
    change: { shape: { ...shape, ...change } },
    sees,
    before,
    after,
  });
  describeOptions<Shape>(base, (args) => new NamedMachine("one", { ...base, ...args }), {
    region: row(
      { region: "us-east-1" },
      (made) => [machine(made)["aws"].region, made.one("MetricAlarm")["alarmActions"]],
      ["eu-central-1", ["arn:aws:automate:eu-central-1:ec2:recover"]],
      ["us-east-1", ["arn:aws:automate:us-east-1:ec2:recover"]],
    ),
    stack: row(
      { stack: "prod" },
      (made) => [machine(made)["aws"].stack, made.one("Volume")["tags"]["cloister:snapshots"]],
      ["dev", "dev"],
      ["prod", "prod"],
    ),
    hostname: row(
      { hostname: "other" },
      (made) => userData(template(made)["userData"]).document["hostname"],
      "claude",
      "other",
    ),
    ubuntu: row({ ubuntu: "24.04" }, (made) => machine(made)["expected"].ubuntu, undefined, "24.04"),
    amiId: row({ amiId: "ami-2" }, (made) => template(made)["imageId"], "ami-1", "ami-2"),
    instanceType: row(
      { instanceType: "m8g.large" },
      (made) => template(made)["instanceType"],
      "c8g.xlarge",
      "m8g.large",
    ),
    rootDiskGiB: row({ rootDiskGiB: 20 }, (made) => disks(made)[0].volumeSize, 10, 20),
    sessionDiskGiB: row({ sessionDiskGiB: 30 }, (made) => made.one("Volume")["size"], 10, 30),
    sessionMemoryMiB: row({ sessionMemoryMiB: 2000 }, (made) => machine(made)["sessions"].memoryMiB, 3891, 2000),
    keyArn: row(
      { keyArn: "arn:aws:kms:other" },
      (made) => [disks(made)[0].kmsKeyId, made.one("Volume")["kmsKeyId"]],
      ["arn:aws:kms:key", "arn:aws:kms:key"],
      ["arn:aws:kms:other", "arn:aws:kms:other"],
    ),
    instanceProfile: row(
      { instanceProfile: "others" },
      (made) => template(made)["iamInstanceProfile"],
      { name: "machines" },
      { name: "others" },
    ),
    securityGroupId: row(
      { securityGroupId: "sg-2" },
      (made) => template(made)["networkInterfaces"][0].securityGroups,
      ["sg-1"],
      ["sg-2"],
    ),
    dependsOn: {
      // Made when it is read, since there is nothing to wait for before the mocks are there. That it is waited for can be seen in a
      // state alone: test/engine/aws/life-cycle.test.ts.
      change: {
        shape: Object.defineProperty({ ...shape }, "dependsOn", {
          get: () => [new (class extends pulumi.CustomResource {})("test:index:Way", "way")],
        }),
      },
      sees: (made) =>
        made.all.map(({ type }) => type.split(":")[2]).filter((type) => /^(Way|LaunchTemplate)$/.test(type ?? "")),
      before: ["LaunchTemplate"],
      after: ["Way", "LaunchTemplate"],
    },
    runtime: row(
      { runtime: { digest: "cd".repeat(32), size: 5, region: "us-east-1", bucket: "others", key: "runtime/x" } },
      (made) => machine(made)["runtime"],
      {
        digest: "ab".repeat(32),
        size: 99_999_999,
        source: { region: "eu-central-1", bucket: "images", key: "runtime/image" },
      },
      { digest: "cd".repeat(32), size: 5, source: { region: "us-east-1", bucket: "others", key: "runtime/x" } },
    ),
    logGroups: row(
      { logGroups: { system: "/s", audit: "/a" } },
      (made) => machine(made)["aws"].logGroups,
      { system: "/cloister/dev/system", audit: "/cloister/dev/audit" },
      { system: "/s", audit: "/a" },
    ),
    modelKeySecret: row(
      { modelKeySecret: "arn:aws:secretsmanager:other" },
      (made) => machine(made)["aws"].modelKeySecret,
      "arn:aws:secretsmanager:key",
      "arn:aws:secretsmanager:other",
    ),
    agent: row({ agent: { model: "another" } }, (made) => machine(made)["agent"], {}, { model: "another" }),
    packages: row({ packages: ["cmake"] }, (made) => machine(made)["packages"], undefined, ["cmake"]),
    certificateAuthorities: row(
      { certificateAuthorities: "one\n" },
      (made) =>
        userData(template(made)["userData"]).document["write_files"].find(
          ({ path }: { path: string }) => path === "/etc/cloister/authorities.pem",
        )?.content,
      undefined,
      "one\n",
    ),
    aptMirror: row(
      { aptMirror: "https://mirror.example.com/ubuntu" },
      (made) => {
        const { apt } = userData(template(made)["userData"]).document;
        return [apt?.primary[0].uri, apt?.security[0].uri];
      },
      [undefined, undefined],
      ["https://mirror.example.com/ubuntu", "https://mirror.example.com/ubuntu"],
    ),
    logsRequired: row({ logsRequired: true }, (made) => machine(made)["aws"].logsRequired, undefined, true),
    detailedMonitoring: row(
      { detailedMonitoring: true },
      (made) => template(made)["monitoring"],
      { enabled: false },
      { enabled: true },
    ),
    tags: row(
      { tags: { team: "agents" } },
      (made) => [
        ...template(made)["tagSpecifications"].map((one: { tags: { team?: string } }) => one.tags.team),
        ...["LaunchTemplate", "Instance", "Volume", "MetricAlarm"].map((type) => made.one(type)["tags"].team),
      ],
      Array.from({ length: 7 }),
      Array.from({ length: 7 }, () => "agents"),
    ),
  } satisfies Readonly<Record<keyof MachineShape, Row<Shape>>>);

  it("are verified against what was asked for, and leave the instance a GiB beside its sessions", async () => {
    const expected = async (change: Partial<NamedMachineArgs>) => {
      const described = machine(await make(() => new NamedMachine("one", { ...base, ...change })));
      return [described["expected"], described["sessions"].memoryMiB];
    };
    const usual = { hostname: "claude", cpus: [4], memoryMiB: 4096, rootDiskGiB: 10, sessionDiskGiB: 10 };
    assert.deepEqual(await expected({}), [usual, 3891]);
    assert.deepEqual(await expected({ instanceType: "c8g.2xlarge" }), [{ ...usual, cpus: [8] }, 3891]);
    assert.deepEqual(await expected({ instanceType: "c8g.large" }), [{ ...usual, cpus: [2] }, 3072]);
    assert.deepEqual(await expected({ instanceType: "c8g.medium" }), [{ ...usual, cpus: [1], memoryMiB: 2048 }, 1024]);
    // A disk that grows is not in user data, or the machine would be made anew.
    assert.deepEqual(await expected({ sessionDiskGiB: 50 }), [usual, 3891]);
    assert.deepEqual(await expected({ sessionDiskGiB: 5 }), [{ ...usual, sessionDiskGiB: 5 }, 3891]);
  });

  it("leaves a secret a secret, and user data without it in clear", async () => {
    let hidden: pulumi.Output<string> | undefined;
    let open: pulumi.Output<string> | undefined;
    await make(() => {
      const of = (modelKeySecret: pulumi.Input<string>) =>
        userDataOf("one", {
          shape: { ...shape, modelKeySecret },
          instanceType: shape.instanceType,
          sessionDiskGiB: shape.sessionDiskGiB,
          tags: {},
        });
      hidden = of(pulumi.secret("arn:aws:secretsmanager:key"));
      open = of("arn:aws:secretsmanager:key");
    });
    assert.equal(await pulumi.isSecret(hidden as pulumi.Output<string>), true);
    assert.equal(await pulumi.isSecret(open as pulumi.Output<string>), false);
  });
});

describe("a named machine", () => {
  const base: NamedMachineArgs = { shape, zone: "eu-central-1a", subnetId: "subnet-a" };
  describeOptions(base, (args) => new NamedMachine("one", args), {
    shape: {
      change: { shape: { ...shape, amiId: "ami-2" } },
      sees: (made) => template(made)["imageId"],
      before: "ami-1",
      after: "ami-2",
    },
    zone: {
      change: { zone: "eu-central-1b" },
      sees: (made) => made.one("Volume")["availabilityZone"],
      before: "eu-central-1a",
      after: "eu-central-1b",
    },
    subnetId: {
      change: { subnetId: "subnet-b" },
      sees: (made) => [template(made)["networkInterfaces"][0].subnetId, made.one("Instance")["subnetId"]],
      before: ["subnet-a", undefined],
      after: ["subnet-b", undefined],
    },
    sessionDiskGiB: {
      change: { sessionDiskGiB: 25 },
      sees: (made) => [made.one("Volume")["size"], disks(made).length],
      before: [10, 1],
      after: [25, 1],
    },
    instanceType: {
      change: { instanceType: "r8g.xlarge" },
      sees: (made) => template(made)["instanceType"],
      before: "c8g.xlarge",
      after: "r8g.xlarge",
    },
    terminationProtection: {
      change: { terminationProtection: true },
      sees: (made) => [
        template(made)["disableApiTermination"],
        made.one("Instance")["disableApiTermination"],
        made.one("Instance")["forceDestroy"],
      ],
      before: [undefined, false, false],
      after: [true, true, true],
    },
  } satisfies Rows<NamedMachineArgs>);

  it("takes no part in what a pool is: no hook, no tags in its metadata, stopped and not ended from inside", async () => {
    const made = await make(() => new NamedMachine("one", base));
    assert.equal(machine(made)["aws"].pool, undefined);
    assert.equal(template(made)["metadataOptions"].instanceMetadataTags, "disabled");
    assert.equal(template(made)["instanceInitiatedShutdownBehavior"], "stop");
  });
});
