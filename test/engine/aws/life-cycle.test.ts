import assert from "node:assert/strict";
import { deployerPolicy, KNOWN_TYPES } from "../../../infra/aws/access/deployer-policy.ts";
import { actionsOf } from "../../../rehearsal/actions.ts";
import { type Clients, instancesOf, inventory, tagsOf } from "../../../rehearsal/look.ts";
import { IMAGES } from "../../../rehearsal/moto.ts";
import { allowed } from "../../../rehearsal/permissions.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { type Config, described, EVERYTHING, Scenario, succeeded, userDataOf } from "./scenario.ts";

/** What an action of the deployer is done to, where that has a name: as a stack of this program or of another names it; else `*`. */
function ownResource(action: string, owner: string): string {
  const [service = "", name = ""] = action.split(":");
  const at = (of: string) => `arn:aws:${of}:eu-central-1:123456789012`;
  if (service === "iam") {
    const kind = /InstanceProfile$/.test(name) ? "instance-profile" : "role";
    return `arn:aws:iam::123456789012:${kind}/${owner}-dev-machine-0123456`;
  }
  if (service === "s3") return `arn:aws:s3:::${owner}-dev-0123456${/Object/.test(name) ? "/runtime/x" : ""}`;
  if (service === "secretsmanager") return `${at(service)}:secret:${owner}-dev-model-key-0123456-AbCdEf`;
  if (/^Describe/.test(name)) return "*";
  if (service === "logs") return `${at(service)}:log-group:/${owner}/dev/system`;
  if (service === "autoscaling") return `${at(service)}:autoScalingGroup:x:autoScalingGroupName/${owner}-dev-small`;
  return "*";
}

/** That something has at least these members. */
function includes(whole: unknown, part: object): void {
  const have = whole as Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(part)) {
    if (typeof value === "object" && !Array.isArray(value)) includes(have?.[key], value as object);
    else assert.deepEqual(have?.[key], value, key);
  }
}

/** A pool that is larger and slower to stop than {@link EVERYTHING} has it. */
const LARGER = { ...EVERYTHING.pools, small: { ...EVERYTHING.pools.small, max: 3, drainSeconds: 600 } };
/** Another image, other user data, other pools, larger disks. */
const CHANGED = { ami: IMAGES[1], hostname: "other", pools: LARGER, sessionDiskGiB: 12 };
/** As that, with the pool's first size. */
const RESIZED = {
  ...CHANGED,
  pools: { ...EVERYTHING.pools, small: { ...EVERYTHING.pools.small, drainSeconds: 600 } },
};
const RENAMED = { one: {}, renamed: { zone: "eu-central-1b" } };

/** Any of these tests can be run alone (`--grep`): each says with `at` which configuration it begins with. */
describe("a stack on AWS (rehearsed with moto)", function () {
  this.timeout(240_000);
  let scenario: Scenario;
  let stack: Rehearsal;
  let aws: Clients;

  const at = (config?: Config): Promise<void> => scenario.at(config);
  const machine = (name: string) => scenario.machine(name);
  const output = <T>(name: string): Promise<T> => scenario.output<T>(name);
  const sessionVolume = (name: string): Promise<string> => scenario.sessionVolume(name);
  const attached = (volume: string): Promise<string | undefined> => scenario.attached(volume);
  const group = (name: string) => scenario.group(name);
  const templateOf = (name: string) => scenario.templateOf(name);
  const refreshes = () => scenario.refreshes();

  before(async () => {
    scenario = await Scenario.create();
    ({ stack, aws } = scenario);
  });
  after(async () => await stack.dispose());

  it("is refused in one round for all that is wrong, before AWS is asked to do anything", async () => {
    const before = (await stack.calls()).length;
    const right: Record<string, unknown> = {};
    for (const key of ["region", "ami", "instanceType", "rootDiskGiB"])
      right[key] = (await stack.configured(key)) ?? null;
    await stack.set({
      ami: { ...IMAGES[0], architecture: "x86_64", owner: "123456789012" },
      instanceType: "c8g.5xlarge",
      rootDiskGiB: 4,
      machines: { one: { instanceType: "m5.large" }, two: { instanceType: "c7g.xlarge" }, Three: {}, four: {} },
      pools: { small: { min: 3, max: 2 } },
      network: { cidr: "10.0.0.0/16", peerCidrs: ["10.0.128.0/20"] },
      budget: { monthlyUSD: 100 },
    });
    const refused = await stack.engine.run(["up", "--yes", "--skip-preview", "-s", "dev"]);
    assert.notEqual(refused.exitCode, 0);
    for (const line of [
      /machines\.Three.*must be a name of 1 to 32/,
      /cloister:budget\.email/,
      /cloister:ami\.architecture = "x86_64": must be arm64/,
      /cloister:ami\.owner = "123456789012": must be 099720109477/,
      /cloister:rootDiskGiB = 4: must be at least 8/,
      /cloister:machines\.one\.instanceType = "m5\.large": is no Graviton/,
      /cloister:machines\.two\.instanceType = "c7g\.xlarge": is Graviton3, which lacks bti/,
      /cloister:instanceType = "c8g\.5xlarge": is not offered in eu-central-1[ab]\. No zone of eu-central-1 has it/,
      /cloister:pools\.small\.min = 3: is above max \(2\)/,
      /cloister:network\.cidr = "10\.0\.0\.0\/16": overlaps 10\.0\.128\.0\/20/,
    ])
      assert.match(refused.all, line);
    await stack.set({ region: null });
    const without = await stack.engine.run(["up", "--yes", "--skip-preview", "-s", "dev"], { AWS_ACCESS_KEY_ID: "" });
    assert.match(without.all, /cloister:region: is missing/);
    assert.match(without.all, /AWS credentials: none were found/);
    assert.match(without.all, /cloister:rootDiskGiB = 4/);
    assert.deepEqual((await stack.calls()).slice(before), []);
    await stack.set({ ...right, ...EVERYTHING });
  });

  it("comes up", async () => {
    await at();
    const { total } = await output<{ total: number }>("monthlyEstimateUSD");
    assert.ok(total > 100);
  });

  it("gives things the names to which the deployer's policy is narrowed", async () => {
    await at();
    const { Buckets = [] } = await aws.s3.listBuckets({});
    const { SecretList = [] } = await aws.secrets.listSecrets({});
    const { logGroups = [] } = await aws.logs.describeLogGroups({});
    const { AutoScalingGroups = [] } = await aws.autoScaling.describeAutoScalingGroups({});
    const { Roles = [] } = await aws.iam.listRoles({});
    const { InstanceProfiles = [] } = await aws.iam.listInstanceProfiles({});
    const policy = deployerPolicy(KNOWN_TYPES, "eu-central-1");
    const kinds: readonly (readonly [action: string, resources: readonly (string | undefined)[]])[] = [
      ["s3:PutBucketPolicy", Buckets.map(({ Name }) => `arn:aws:s3:::${Name}`)],
      ["secretsmanager:DeleteSecret", SecretList.map(({ ARN }) => ARN)],
      ["logs:DeleteLogGroup", logGroups.map(({ arn }) => arn?.replace(/:\*$/, ""))],
      ["autoscaling:UpdateAutoScalingGroup", AutoScalingGroups.map(({ AutoScalingGroupARN }) => AutoScalingGroupARN)],
      ["iam:PutRolePolicy", Roles.filter(({ Path }) => Path === "/").map(({ Arn }) => Arn)],
      ["iam:DeleteInstanceProfile", InstanceProfiles.map(({ Arn }) => Arn)],
    ];
    for (const [action, resources] of kinds) {
      assert.ok(resources.length > 0, action);
      for (const resource of resources) {
        const asked = {
          principal: "arn:aws:iam::123456789012:role/deployer",
          policy,
          action,
          resource: resource ?? "",
        };
        const context = { "aws:RequestedRegion": "eu-central-1" };
        assert.equal(await allowed({ ...asked, context }), true, `${action} on ${resource}`);
      }
    }
  });

  it("does not change when nothing changed, also when AWS is looked at again", async () => {
    await at();
    succeeded(await stack.engine.preview("--expect-no-changes", "--refresh"));
  });

  it("machines start after their ways out are there, and those go after the machines", async () => {
    await at();
    const resources = await stack.engine.resources();
    const of = (...types: string[]) => resources.filter(({ type }) => types.includes(type.split(":").at(-1) ?? ""));
    const required = [
      ...of("RouteTableAssociation", "SecurityGroupEgressRule", "SecurityGroupIngressRule", "VpcEndpoint"),
      ...of("Route").filter(({ urn }) => /-private-eu-central-1[ab]$/.test(urn)),
      ...of("ResolverFirewallRuleGroupAssociation"),
    ].map(({ urn }) => urn);
    // Three subnets, three rules out and one in, three endpoints, two routes, the firewall.
    assert.equal(required.length, 3 + 3 + 1 + 3 + 2 + 1);
    const templates = of("LaunchTemplate");
    assert.equal(templates.length, 2 + 3);
    for (const { urn, dependencies = [] } of templates) {
      assert.deepEqual(
        required.filter((one) => !dependencies.includes(one)),
        [],
        urn,
      );
    }
    const machines = of("Instance", "Group");
    assert.equal(machines.length, 2 + 4);
    for (const { urn, dependencies = [] } of machines)
      assert.equal(templates.filter((template) => dependencies.includes(template.urn)).length, 1, urn);
  });

  it("a named machine is private, with IMDSv2 alone and hop limit 1, and tags on itself, its disks and its interface", async () => {
    await at();
    const one = await machine("one");
    const { HttpTokens, HttpPutResponseHopLimit, HttpEndpoint } = one.MetadataOptions ?? {};
    assert.deepEqual([HttpEndpoint, HttpTokens, HttpPutResponseHopLimit], ["enabled", "required", 1]);
    assert.equal(one.PublicIpAddress, undefined);
    assert.equal(one.ImageId, IMAGES[0]?.id);
    assert.equal(one.InstanceType, "c8g.xlarge");
    assert.match(one.IamInstanceProfile?.Arn ?? "", /:instance-profile\/cloister-dev-machine-/);
    const [network] = one.NetworkInterfaces ?? [];
    const { NetworkInterfaces } = await aws.ec2.describeNetworkInterfaces({
      NetworkInterfaceIds: [network?.NetworkInterfaceId ?? ""],
    });
    const VolumeIds = (one.BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeId ?? "");
    const { Volumes = [] } = await aws.ec2.describeVolumes({ VolumeIds });
    assert.equal(Volumes.length, 2);
    const tags = { "cloister:stack": "dev", "cloister:machine": "one" };
    for (const tagged of [one.Tags, NetworkInterfaces?.[0]?.TagSet, ...Volumes.map(({ Tags }) => Tags)])
      includes(tagsOf(tagged), tags);
  });

  it("a named machine has encrypted disks, of which the session disk is its own and takes part in snapshots", async () => {
    await at();
    const { Volumes = [] } = await aws.ec2.describeVolumes({
      Filters: [{ Name: "tag:cloister:stack", Values: ["dev"] }],
    });
    // Of each of the two machines a root disk and a session disk; what moto makes for pools has no tags.
    assert.equal(Volumes.length, 4);
    for (const volume of Volumes) {
      assert.equal(volume.Encrypted, true, volume.VolumeId);
      assert.match(volume.KmsKeyId ?? "", /^arn:aws:kms:eu-central-1:/);
    }
    const id = await sessionVolume("one");
    const disk = Volumes.find(({ VolumeId }) => VolumeId === id);
    assert.equal(disk?.Size, 10);
    assert.equal(tagsOf(disk?.Tags)["cloister:snapshots"], "dev");
    assert.equal(await attached(id), (await machine("one")).InstanceId);
    const [policy] = Object.values((await stack.kept())["dlm:policy"] ?? {});
    includes(policy, {
      State: "ENABLED",
      PolicyDetails: { TargetTags: [{ Key: "cloister:snapshots", Value: "dev" }] },
    });
  });

  it("a named machine gets user data that names machine, digest and bucket, and fits", async () => {
    await at();
    const { UserData } = await aws.ec2.describeInstanceAttribute({
      InstanceId: (await machine("one")).InstanceId,
      Attribute: "userData",
    });
    const bytes = Buffer.from(UserData?.Value ?? "", "base64").length;
    assert.ok(bytes > 1000 && bytes <= 8192, `${bytes} bytes`);
    assert.equal(userDataOf(UserData?.Value)["hostname"], "claude");
    const machineFile = described(UserData?.Value);
    includes(machineFile, { name: "one", target: "aws", sessionDisk: { label: "sessions" } });
    const { digest, size, source } = machineFile["runtime"] as {
      digest: string;
      size: number;
      source: { bucket: string; key: string };
    };
    const object = await aws.s3.headObject({ Bucket: source.bucket, Key: source.key });
    assert.equal(object.ContentLength, size);
    assert.ok(source.key.includes(digest));
  });

  it("a pool has its hooks before its machines, never balances zones, and names a version", async () => {
    await at();
    const { LifecycleHooks } = await aws.autoScaling.describeLifecycleHooks({
      AutoScalingGroupName: "cloister-dev-small",
    });
    const hooks = (LifecycleHooks ?? []).map((hook) => [hook.LifecycleTransition, hook.DefaultResult]);
    assert.deepEqual(hooks.sort(), [
      ["autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"],
      ["autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"],
    ]);
    const small = await group("small");
    assert.deepEqual(
      small.SuspendedProcesses?.map(({ ProcessName }) => ProcessName),
      ["AZRebalance"],
    );
    assert.equal(small.LaunchTemplate?.Version, "1");
    assert.equal(small.VPCZoneIdentifier?.split(",").length, 2);
    assert.equal(small.Instances?.length, 1);
    // In the order in which they were made.
    const calls = (await stack.calls()).filter(({ urn, during }) => urn.endsWith("::small") && during === "create");
    const order = calls.map(({ operation }) => operation);
    assert.ok(order.lastIndexOf("PutLifecycleHook") < order.indexOf("UpdateAutoScalingGroup"), order.join());
  });

  it("a pool has a template with a session disk, IMDSv2 and tags for all that it makes", async () => {
    await at();
    const data = await templateOf("small");
    includes(data.MetadataOptions, { HttpTokens: "required", HttpPutResponseHopLimit: 1 });
    assert.deepEqual(
      data.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [DeviceName, Ebs?.Encrypted, Ebs?.DeleteOnTermination]),
      [
        ["/dev/sda1", true, true],
        ["/dev/sdf", true, true],
      ],
    );
    for (const type of ["instance", "volume", "network-interface"]) {
      const tags = data.TagSpecifications?.find(({ ResourceType }) => ResourceType === type)?.Tags;
      assert.equal(tagsOf(tags)["cloister:pool"], "small", type);
    }
    assert.equal(data.NetworkInterfaces?.[0]?.AssociatePublicIpAddress, false);
  });

  it("a pool of more than 500 is two groups with one template", async () => {
    await at();
    const [first, second] = [await group("large"), await group("large-2")];
    assert.deepEqual([first.MaxSize, second.MaxSize], [251, 251]);
    assert.deepEqual(first.LaunchTemplate, second.LaunchTemplate);
    const { pool } = described((await templateOf("large")).UserData)["aws"] as { pool: object };
    assert.deepEqual(pool, { launchHook: "verified", terminateHook: "drained", verifySeconds: 900, drainSeconds: 900 });
    const { MetadataOptions } = await templateOf("large");
    assert.equal(MetadataOptions?.InstanceMetadataTags, "enabled", "machines learn their group by its tag");
  });

  it("a pool has its schedules", async () => {
    await at();
    const { ScheduledUpdateGroupActions = [] } = await aws.autoScaling.describeScheduledActions({});
    assert.equal(ScheduledUpdateGroupActions.length, 1);
    includes(ScheduledUpdateGroupActions[0], {
      AutoScalingGroupName: "cloister-dev-spot",
      ScheduledActionName: "morning",
      Recurrence: "0 6 * * *",
      TimeZone: "Europe/Berlin",
      MinSize: 2,
      MaxSize: 4,
      DesiredCapacity: 3,
    });
  });

  it("a pool has a warm pool when told to", async () => {
    await at();
    const warmPool = async (name: string) =>
      (await aws.autoScaling.describeWarmPool({ AutoScalingGroupName: `cloister-dev-${name}` })).WarmPoolConfiguration;
    includes(await warmPool("small"), { MinSize: 0, PoolState: "Stopped" });
    assert.equal(await warmPool("spot"), undefined);
  });

  it("a pool takes Spot machines above its on-demand base when told to", async () => {
    await at();
    const { MixedInstancesPolicy: policy } = await group("spot");
    includes(policy?.InstancesDistribution, {
      OnDemandBaseCapacity: 1,
      SpotAllocationStrategy: "price-capacity-optimized",
    });
    assert.deepEqual(
      policy?.LaunchTemplate?.Overrides?.map(({ InstanceType }) => InstanceType),
      ["c8g.xlarge", "m8g.xlarge"],
    );
  });

  it("lets nothing in: machines have no inbound rule, endpoints one from machines", async () => {
    await at();
    const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({
      Filters: [{ Name: "tag:cloister:stack", Values: ["dev"] }],
    });
    const rules = SecurityGroups.flatMap((one) => one.IpPermissions ?? []);
    assert.equal(SecurityGroups.length, 2);
    const machines = SecurityGroups.find(({ GroupName = "" }) => GroupName.includes("machines"));
    assert.deepEqual(machines?.IpPermissions, []);
    assert.deepEqual(
      machines?.IpPermissionsEgress?.map(({ FromPort, IpProtocol }) => `${IpProtocol} ${FromPort}`).sort(),
      ["tcp 443", "tcp 53", "udp 53"],
    );
    assert.equal(rules.length, 1);
    assert.deepEqual(rules[0]?.IpRanges ?? [], []);
    assert.equal(rules[0]?.UserIdGroupPairs?.[0]?.GroupId, machines?.GroupId);
    const { NetworkInterfaces: interfaces } = await machine("one");
    assert.deepEqual(
      interfaces?.[0]?.Groups?.map(({ GroupId }) => GroupId),
      [machines?.GroupId],
    );
  });

  it("keeps the bucket closed, encrypted and versioned, and logs encrypted and for some time", async () => {
    await at();
    const { Buckets } = await aws.s3.listBuckets({});
    const Bucket = Buckets?.[0]?.Name ?? "";
    assert.match(Bucket, /^cloister-dev-/);
    const { PublicAccessBlockConfiguration } = await aws.s3.getPublicAccessBlock({ Bucket });
    assert.deepEqual(new Set(Object.values(PublicAccessBlockConfiguration ?? {})), new Set([true]));
    const { ServerSideEncryptionConfiguration } = await aws.s3.getBucketEncryption({ Bucket });
    const [rule] = ServerSideEncryptionConfiguration?.Rules ?? [];
    assert.equal(rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm, "aws:kms");
    assert.equal((await aws.s3.getBucketVersioning({ Bucket })).Status, "Enabled");
    const policy = (await stack.kept())["bucket policy"]?.[Bucket]?.["Policy"] as string;
    assert.deepEqual(JSON.parse(policy).Statement[0].Condition, { Bool: { "aws:SecureTransport": "false" } });
    const { logGroups = [] } = await aws.logs.describeLogGroups({ logGroupNamePrefix: "/cloister/dev/" });
    assert.equal(logGroups.length, 3);
    for (const { retentionInDays, kmsKeyId } of logGroups) {
      assert.equal(retentionInDays, 7);
      assert.match(kmsKeyId ?? "", /^arn:aws:kms:/);
    }
    const { Keys } = await aws.kms.listKeys({});
    assert.equal((await aws.kms.getKeyRotationStatus({ KeyId: Keys?.[0]?.KeyId })).KeyRotationEnabled, true);
  });

  it("lets machines have their runtime image, logs, secret and signals, and no more", async () => {
    await at();
    const { Roles } = await aws.iam.listRoles({});
    const RoleName = Roles?.find(({ RoleName = "" }) => RoleName.startsWith("cloister-dev-machine-"))?.RoleName ?? "";
    const { PolicyNames = [] } = await aws.iam.listRolePolicies({ RoleName });
    assert.equal(PolicyNames.length, 1);
    const { PolicyDocument } = await aws.iam.getRolePolicy({ RoleName, PolicyName: PolicyNames[0] });
    const policy = JSON.parse(decodeURIComponent(PolicyDocument ?? ""));
    const key = (await aws.kms.listKeys({})).Keys?.[0]?.KeyArn ?? "";
    const { Policy = "" } = await aws.kms.getKeyPolicy({ KeyId: key, PolicyName: "default" });
    const may = async (action: string, resource: string, stackTag = "dev", via = "s3"): Promise<boolean> =>
      await allowed({
        principal: `arn:aws:iam::123456789012:role/${RoleName}`,
        policy,
        action,
        resource,
        context: {
          ...(action.startsWith("autoscaling:") ? { "aws:ResourceTag/cloister:stack": stackTag } : {}),
          ...(via && action.startsWith("kms:") ? { "kms:ViaService": `${via}.eu-central-1.amazonaws.com` } : {}),
        },
        ...(resource === key ? { resourcePolicy: JSON.parse(Policy) } : {}),
      });
    const bucket = `arn:aws:s3:::${(await aws.s3.listBuckets({})).Buckets?.[0]?.Name}`;
    const here = "eu-central-1:123456789012";
    const scaling = `arn:aws:autoscaling:${here}:autoScalingGroup:11111111-2222-3333-4444-555555555555:autoScalingGroupName`;
    const secret = await output<string>("modelKeySecret");
    const audit = (await output<{ audit: string }>("logGroups")).audit;
    assert.match(audit, /^\/cloister\/dev\/audit-[0-9a-f]{7}$/);
    for (const [action, resource] of [
      ["s3:GetObject", `${bucket}/runtime/${"0".repeat(64)}.squashfs`],
      ["secretsmanager:GetSecretValue", secret],
      ["kms:Decrypt", key],
      ["logs:CreateLogStream", `arn:aws:logs:${here}:log-group:${audit}:log-stream:i-1`],
      ["logs:PutLogEvents", `arn:aws:logs:${here}:log-group:${audit}:log-stream:i-1`],
      ["autoscaling:CompleteLifecycleAction", `${scaling}/cloister-dev-small`],
      ["autoscaling:SetInstanceProtection", `${scaling}/cloister-dev-small`],
      ["ssmmessages:OpenDataChannel", "*"],
    ] as const)
      assert.equal(await may(action, resource), true, `${action} on ${resource}`);
    for (const [action, resource] of [
      ["s3:ListBucket", bucket],
      ["s3:GetObject", `${bucket}/other`],
      ["s3:GetObject", "arn:aws:s3:::another-bucket/runtime/x"],
      ["s3:PutObject", `${bucket}/runtime/x`],
      ["secretsmanager:GetSecretValue", secret.replace("cloister-dev", "cloister-prod")],
      ["secretsmanager:PutSecretValue", secret],
      ["kms:Decrypt", key.replace(/[^/]+$/, "11111111-2222-3333-4444-555555555555")],
      ["kms:ScheduleKeyDeletion", key],
      ["logs:PutLogEvents", `arn:aws:logs:${here}:log-group:/cloister/prod/audit:log-stream:i-1`],
      ["logs:DeleteLogGroup", `arn:aws:logs:${here}:log-group:${audit}`],
      ["logs:PutRetentionPolicy", `arn:aws:logs:${here}:log-group:${audit}`],
      ["autoscaling:CompleteLifecycleAction", `${scaling}/cloister-prod-small`],
      ["autoscaling:UpdateAutoScalingGroup", `${scaling}/cloister-dev-small`],
      ["ec2:RunInstances", `arn:aws:ec2:${here}:instance/*`],
      ["iam:PassRole", `arn:aws:iam::123456789012:role/${RoleName}`],
      ["ssm:StartSession", `arn:aws:ec2:${here}:instance/i-0123456789abcdef0`],
    ] as const)
      assert.equal(await may(action, resource), false, `${action} on ${resource}`);
    // A stack whose name begins like this one's; what the key encrypts beside the image and the secret.
    assert.equal(await may("autoscaling:CompleteLifecycleAction", `${scaling}/cloister-dev-2-small`, "dev-2"), false);
    assert.equal(await may("kms:Decrypt", key, "dev", "secretsmanager"), true);
    for (const via of ["ec2", ""]) assert.equal(await may("kms:Decrypt", key, "dev", via), false, via);
  });

  it("lets the delivery of flow logs have its one log group", async () => {
    await at();
    const { Roles } = await aws.iam.listRoles({});
    const RoleName = Roles?.find(({ RoleName = "" }) => RoleName.startsWith("cloister-dev-flow-logs-"))?.RoleName ?? "";
    const { PolicyNames = [] } = await aws.iam.listRolePolicies({ RoleName });
    const { PolicyDocument } = await aws.iam.getRolePolicy({ RoleName, PolicyName: PolicyNames[0] });
    const group = (name: string) => `arn:aws:logs:eu-central-1:123456789012:log-group:${name}`;
    const { flow, audit } = await output<{ flow: string; audit: string }>("logGroups");
    const may = async (action: string, resource: string): Promise<boolean> =>
      await allowed({
        principal: `arn:aws:iam::123456789012:role/${RoleName}`,
        policy: JSON.parse(decodeURIComponent(PolicyDocument ?? "")),
        action,
        resource,
      });
    assert.equal(await may("logs:DescribeLogStreams", group(flow)), true);
    assert.equal(
      await may("logs:CreateLogGroup", group(flow)),
      false,
      "it would bring back a group that was destroyed",
    );
    assert.equal(await may("logs:PutLogEvents", `${group(flow)}:log-stream:x`), true);
    assert.equal(await may("logs:DescribeLogGroups", "*"), true);
    assert.equal(await may("logs:PutLogEvents", `${group(audit)}:log-stream:x`), false);
    assert.equal(await may("logs:DescribeLogStreams", group(audit)), false);
  });

  it("a change of the image replaces named machines, which keep their session disks, and refreshes pools", async () => {
    await at();
    const [old, disk] = [(await machine("one")).InstanceId, await sessionVolume("one")];
    // Somebody terminates the other one by hand, and nobody tells Pulumi.
    const [gone, lost] = [(await machine("two")).InstanceId ?? "", await sessionVolume("two")];
    await aws.ec2.terminateInstances({ InstanceIds: [gone] });
    await at({ ami: IMAGES[1] });
    assert.equal(await attached(lost), (await machine("two")).InstanceId);
    const now = await machine("one");
    assert.equal(now.ImageId, IMAGES[1]?.id);
    assert.notEqual(now.InstanceId, old);
    assert.equal(await sessionVolume("one"), disk);
    assert.equal(await attached(disk), now.InstanceId);
    assert.deepEqual((await refreshes()).map((one) => one["AutoScalingGroupName"]).sort(), [
      "cloister-dev-large",
      "cloister-dev-large-2",
      "cloister-dev-small",
      "cloister-dev-spot",
    ]);
    assert.equal((await group("small")).LaunchTemplate?.Version, "2");
  });

  it("a change of user data, of a pool's size and times, and of a disk's size does just that", async () => {
    await at({ ami: IMAGES[1] });
    const [count, disk] = [(await refreshes()).length, await sessionVolume("two")];
    await at(CHANGED);
    const { UserData } = await aws.ec2.describeInstanceAttribute({
      InstanceId: (await machine("two")).InstanceId,
      Attribute: "userData",
    });
    assert.equal(userDataOf(UserData?.Value)["hostname"], "other");
    assert.equal(userDataOf((await templateOf("small")).UserData)["hostname"], "other");
    assert.equal((await group("small")).MaxSize, 3);
    assert.deepEqual(await scenario.hooksOf("small"), { verified: 900, drained: 600 }, "in a group that was there");
    assert.deepEqual(await scenario.hooksOf("spot"), { verified: 900, drained: 900 });
    assert.equal((await refreshes()).length, count + 4);
    assert.equal(await sessionVolume("two"), disk, "a larger disk is the same disk");
    const { Volumes } = await aws.ec2.describeVolumes({ VolumeIds: [disk] });
    assert.equal(Volumes?.[0]?.Size, 12);
    assert.equal((await templateOf("small")).BlockDeviceMappings?.[1]?.Ebs?.VolumeSize, 12);
  });

  it("a change of a pool's times replaces its schedule, and a group has its hook's time to go", async () => {
    await at(CHANGED);
    const { spot } = EVERYTHING.pools;
    const morning = { ...spot.schedules.morning, cron: "30 6 * * *", desired: 4 };
    await at({
      ...CHANGED,
      pools: { ...EVERYTHING.pools, spot: { ...spot, drainSeconds: 7200, schedules: { morning } } },
    });
    const { ScheduledUpdateGroupActions: actions = [] } = await aws.autoScaling.describeScheduledActions({
      AutoScalingGroupName: "cloister-dev-spot",
    });
    assert.deepEqual(
      actions.map(({ ScheduledActionName, Recurrence, DesiredCapacity }) => [
        ScheduledActionName,
        Recurrence,
        DesiredCapacity,
      ]),
      [["morning", "30 6 * * *", 4]],
    );
    const groups = (await stack.engine.resources()).filter(({ type }) => type.endsWith(":Group"));
    const times = Object.fromEntries(groups.map((one) => [one.urn.split("::").at(-1), one.customTimeouts?.delete]));
    // Seconds: what a command may take, and ten minutes.
    assert.deepEqual([times["small"], times["spot"]], [900 + 600, 7200 + 600]);
  });

  it("a change of a pool's size alone leaves machines and templates as they are", async () => {
    await at(CHANGED);
    const [one, count] = [await machine("one"), (await refreshes()).length];
    const before = (await stack.calls()).length;
    await at(RESIZED);
    assert.equal((await group("small")).MaxSize, 2);
    assert.equal((await machine("one")).InstanceId, one.InstanceId);
    assert.equal((await refreshes()).length, count);
    const changing = (await stack.calls()).slice(before).filter(({ during }) => !["read", "invoke"].includes(during));
    assert.deepEqual(new Set(changing.map(({ urn }) => urn.split("::").at(-1))), new Set(["small"]));
  });

  it("comes back when a machine was terminated and a disk deleted behind its back", async () => {
    await at(RESIZED);
    const [one, two] = [await machine("one"), await machine("two")];
    const [kept, lost] = [await sessionVolume("one"), await sessionVolume("two")];
    scenario.disturbed();
    await aws.ec2.terminateInstances({ InstanceIds: [one.InstanceId ?? ""] });
    await aws.ec2.detachVolume({ VolumeId: lost, InstanceId: two.InstanceId });
    await aws.ec2.deleteVolume({ VolumeId: lost });
    succeeded(await stack.engine.refresh());
    const left = (await stack.engine.resources()).map(({ id }) => id);
    assert.ok(!left.includes(one.InstanceId) && !left.includes(lost) && left.includes(two.InstanceId));
    succeeded(await stack.engine.up());
    assert.notEqual((await machine("one")).InstanceId, one.InstanceId);
    assert.equal(await sessionVolume("one"), kept);
    assert.equal(await attached(kept), (await machine("one")).InstanceId);
    assert.notEqual(await sessionVolume("two"), lost);
    assert.equal(await attached(await sessionVolume("two")), (await machine("two")).InstanceId);
  });

  it("does not let session disks go without the word for it", async () => {
    await at(RESIZED);
    const [one, two] = [await sessionVolume("one"), await sessionVolume("two")];
    await at({ ...RESIZED, onDestroy: "refuse" });
    const there = await inventory(aws, await stack.kept());
    for (const how of [[], ["--skip-preview"]]) {
      const refused = await stack.engine.run(["destroy", "--yes", ...how, "-s", "dev"]);
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.all, /cloister-onDestroy" cannot be deleted\s+because it is protected/);
      assert.deepEqual(await inventory(aws, await stack.kept()), there, "a refused destroy takes nothing");
    }
    assert.equal((await stack.engine.preview("--expect-no-changes", "--refresh")).exitCode, 0, "nor from the state");
    // Another name is another machine: the old one's disk would go.
    scenario.disturbed();
    await stack.set({ machines: RENAMED });
    const renamed = await stack.engine.run(["up", "--yes", "-s", "dev"]);
    assert.notEqual(renamed.exitCode, 0);
    assert.match(renamed.all, /two-session.*cannot be deleted\s+because it is protected/s);
    assert.deepEqual(await inventory(aws, await stack.kept()), there, "a refused change changes nothing");
    assert.deepEqual([await sessionVolume("one"), await sessionVolume("two")], [one, two]);
    // Without the preview the machine goes, but not its disk, which it has again when it comes back.
    assert.notEqual((await stack.engine.run(["up", "--yes", "--skip-preview", "-s", "dev"])).exitCode, 0);
    assert.equal((await aws.ec2.describeVolumes({ VolumeIds: [two] })).Volumes?.[0]?.State, "available");
    // The word counts for what is there when it is brought up.
    await at({ ...RESIZED, machines: { ...EVERYTHING.machines, ...RENAMED } });
    assert.equal(await sessionVolume("two"), two);
    assert.equal(await attached(two), (await machine("two")).InstanceId);
  });

  it("takes another name for a machine with the word, and then leaves nothing behind", async () => {
    await at({ ...RESIZED, machines: { ...EVERYTHING.machines, ...RENAMED } });
    await at({ ...RESIZED, machines: RENAMED });
    const names = (await instancesOf(aws)).map(({ Tags }) => tagsOf(Tags)["Name"]).sort();
    // The last pool began with the size that its schedule has set.
    assert.deepEqual(names, ["one", "renamed", "small", "spot", "spot", "spot"]);
    await scenario.destroy();
    assert.deepEqual(await inventory(aws, await stack.kept()), scenario.empty);
    const operations = (await stack.calls()).map(({ operation }) => operation);
    assert.ok(operations.includes("DeleteAutoScalingGroup"));
    assert.ok(!operations.includes("DeleteLifecycleHook"), "the last machines of a group are waited for");
  });

  it("made no call that the deployer's policy does not allow", async () => {
    await scenario.lifeLived(CHANGED);
    const types = new Set((await stack.calls()).map(({ urn }) => urn.split("::")[2]?.split("$").at(-1) ?? ""));
    const actions = actionsOf(await stack.calls());
    assert.ok(types.size > 40 && actions.length > 100, `${types.size} types, ${actions.length} actions`);
    const policy = deployerPolicy([...types].filter(Boolean), "eu-central-1");
    const principal = "arn:aws:iam::123456789012:role/deployer";
    const iam = "arn:aws:iam::123456789012";
    const resourceOf = (action: string): string => ownResource(action, "cloister");
    const ask = async (action: string, region: string, context = {}, resource = resourceOf(action), rules = policy) =>
      await allowed({
        principal,
        policy: rules,
        action,
        resource,
        context: { "aws:RequestedRegion": region, "iam:PassedToService": "ec2.amazonaws.com", ...context },
      });
    const serviceRole = (service: string) =>
      ask(
        "iam:CreateServiceLinkedRole",
        "eu-central-1",
        { "iam:AWSServiceName": `${service}.amazonaws.com` },
        `${iam}:role/aws-service-role/${service}.amazonaws.com/x`,
      );
    const denied: string[] = [];
    for (const action of actions) {
      if (action === "iam:CreateServiceLinkedRole") continue;
      if (!(await ask(action, "eu-central-1"))) denied.push(action);
    }
    assert.ok(actions.includes("iam:CreateServiceLinkedRole"));
    for (const service of ["autoscaling", "events", "spot"]) assert.equal(await serviceRole(service), true, service);
    assert.deepEqual(denied, []);
    assert.equal(
      await ask("ec2:DescribeInstanceTypeOfferings", "eu-central-1"),
      true,
      "which the program looks up itself",
    );
    // It can deny.
    assert.equal(await ask("ec2:CreateVpc", "us-east-1"), false, "another region");
    assert.equal(await ask("ec2:CreateVpnGateway", "eu-central-1"), false, "what the program never does");
    assert.equal(await serviceRole("ecs"), false);
    assert.equal(await ask("iam:PutRolePolicy", "eu-central-1", {}, `${iam}:role/admin`), false, "another's role");
    for (const action of [
      "s3:PutBucketPolicy",
      "s3:DeleteObject",
      "secretsmanager:PutSecretValue",
      "logs:DeleteLogGroup",
      "autoscaling:UpdateAutoScalingGroup",
    ]) {
      assert.equal(await ask(action, "eu-central-1"), true, action);
      assert.equal(
        await ask(action, "eu-central-1", {}, ownResource(action, "another")),
        false,
        `another's: ${action}`,
      );
    }
    assert.equal(
      await ask("iam:PassRole", "eu-central-1", { "iam:PassedToService": "lambda.amazonaws.com" }),
      false,
      "to another service",
    );
    // With a boundary, no role without it.
    const boundary = `${iam}:policy/boundary`;
    const bounded = deployerPolicy([...types].filter(Boolean), "eu-central-1", { boundary });
    for (const action of ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"]) {
      const may = (context: object) => ask(action, "eu-central-1", context, resourceOf(action), bounded);
      assert.equal(await may({ "iam:PermissionsBoundary": boundary }), true, action);
      assert.equal(await may({ "iam:PermissionsBoundary": `${iam}:policy/another` }), false, action);
      assert.equal(await may({}), false, action);
    }
    const lift = "iam:DeleteRolePermissionsBoundary";
    assert.equal(await ask(lift, "eu-central-1"), true);
    assert.equal(await ask(lift, "eu-central-1", {}, resourceOf(lift), bounded), false);
    assert.equal(await ask("iam:GetRole", "eu-central-1", {}, resourceOf("iam:GetRole"), bounded), true);
  });
});
