import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { ensureMoto, schemasIn } from "../../../rehearsal/moto.ts";
import { MAPPED, type Mapped } from "../../../rehearsal/plugin/cloudformation/names.ts";
import { AwsSchemas } from "../../../rehearsal/plugin/cloudformation/schemas.ts";
import { pathsOf } from "../../../rehearsal/plugin/resource.ts";
import { TYPES } from "../../../rehearsal/plugin/types/index.ts";
import { type Properties, unknown, type Value } from "../../../toolchain/standins/command/values.ts";

/** A resource of each type, as a stack with everything in it has it. */
const GOOD = JSON.parse(readFileSync(new URL("good-resources.json", import.meta.url), "utf8")) as Record<
  string,
  Properties
>;

type Change = readonly [path: string, value: Value | undefined, says: RegExp];

/** For each type a property with a value that AWS's schema forbids, by the rule's kind where the schema has one. */
const BAD: Readonly<Record<string, readonly Change[]>> = {
  "ec2/vpc:Vpc": [
    ["cidrBlock", undefined, /AWS::EC2::VPC must have exactly one of \["CidrBlock","Ipv4IpamPoolId"\]/],
    ["enableDnsSupport", "yes", /^enableDnsSupport = "yes": AWS::EC2::VPC\.EnableDnsSupport must be boolean/],
  ],
  "ec2/subnet:Subnet": [["vpcId", undefined, /AWS::EC2::Subnet must have required property 'VpcId'/]],
  "ec2/routeTable:RouteTable": [["vpcId", 7, /^vpcId = 7: AWS::EC2::RouteTable\.VpcId must be string/]],
  "ec2/routeTableAssociation:RouteTableAssociation": [["subnetId", undefined, /required property 'SubnetId'/]],
  "ec2/route:Route": [["routeTableId", undefined, /required property 'RouteTableId'/]],
  "ec2/internetGateway:InternetGateway": [["vpcId", 1, /^vpcId = 1: AWS::EC2::VPCGatewayAttachment\.VpcId must be/]],
  "ec2/eip:Eip": [["domain", 1, /^domain = 1: AWS::EC2::EIP\.Domain must be/]],
  "ec2/natGateway:NatGateway": [["subnetId", 1, /AWS::EC2::NatGateway\.SubnetId must be string/]],
  "ec2/vpcEndpoint:VpcEndpoint": [
    ["vpcEndpointType", "Canal", /VpcEndpointType must be one of .*"Interface"/],
    ["securityGroupIds", "sg", /^securityGroupIds = "sg": AWS::EC2::VPCEndpoint\.SecurityGroupIds must be array/],
  ],
  "ec2/flowLog:FlowLog": [
    ["trafficType", "SOME", /TrafficType must be one of .*"REJECT"/],
    ["vpcId", undefined, /required property 'ResourceId'/],
  ],
  "ec2/securityGroup:SecurityGroup": [["description", undefined, /required property 'GroupDescription'/]],
  "vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
    ["prefixListId", "pl-1", /must have exactly one of .*"DestinationPrefixListId"/],
    ["fromPort", "443", /FromPort must be integer/],
  ],
  "vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
    ["referencedSecurityGroupId", undefined, /must have exactly one of .*"SourceSecurityGroupId"/],
  ],
  "ec2/launchTemplate:LaunchTemplate": [
    ["name", 1, /^name = 1: AWS::EC2::LaunchTemplate\.LaunchTemplateName must be string/],
    ["imageId", "ami-1", /^imageId = "ami-1": AWS::EC2::LaunchTemplate\.LaunchTemplateData\.ImageId must match format/],
    ["blockDeviceMappings.0.ebs.volumeType", "gp9", /^blockDeviceMappings\[0\]\.ebs\.volumeType = "gp9": .*"gp3"/],
    ["blockDeviceMappings.0.ebs.encrypted", "perhaps", /Encrypted must be boolean/],
    ["metadataOptions.httpTokens", "maybe", /HttpTokens must be one of \["optional","required"\]/],
    ["networkInterfaces.0.subnetId", "subnet-xyz", /SubnetId must match format "AWS::EC2::Subnet\.Id"/],
    ["tagSpecifications.0.resourceType", "machine", /ResourceType must be one of/],
  ],
  "ec2/instance:Instance": [["launchTemplate.version", undefined, /required property 'Version'/]],
  "ebs/volume:Volume": [
    ["type", "gp9", /^type = "gp9": AWS::EC2::Volume\.VolumeType must be one of .*"gp3"/],
    ["kmsKeyId", "key", /KmsKeyId must match format/],
    ["availabilityZone", undefined, /AvailabilityZone/],
  ],
  "ec2/volumeAttachment:VolumeAttachment": [["volumeId", undefined, /required property 'VolumeId'/]],
  "autoscaling/group:Group": [
    ["launchTemplate", undefined, /must have exactly one of .*"MixedInstancesPolicy"/],
    ["initialLifecycleHooks.0.lifecycleTransition", undefined, /required property 'LifecycleTransition'/],
    ["warmPool.poolState", "Asleep", /^warmPool\.poolState = "Asleep": AWS::AutoScaling::WarmPool\.PoolState must be/],
    ["warmPool.minSize", -1, /must be >= 0/],
  ],
  "autoscaling/schedule:Schedule": [["minSize", "2", /MinSize must be integer/]],
  "autoscaling/lifecycleHook:LifecycleHook": [
    ["lifecycleTransition", "autoscaling:LAUNCHING", /LifecycleTransition must be one of .*EC2_INSTANCE_LAUNCHING/],
    ["name", "a b", /LifecycleHookName must match pattern/],
    ["name", "x".repeat(256), /must NOT have more than 255 characters/],
    ["name", "", /must NOT have fewer than 1 characters/],
  ],
  "iam/role:Role": [
    ["name", "x".repeat(65), /RoleName/],
    ["tags", { "a*b": "x" }, /^tags = .*Tags\.0\.Key must match pattern/],
  ],
  "iam/rolePolicy:RolePolicy": [["policy", 5, /^policy = 5: AWS::IAM::RolePolicy\.PolicyDocument must be/]],
  "iam/policy:Policy": [
    ["policy", undefined, /required property 'PolicyDocument'/],
    ["name", 1, /^name = 1: AWS::IAM::ManagedPolicy\.ManagedPolicyName must be string/],
  ],
  "iam/rolePolicyAttachment:RolePolicyAttachment": [["policyArn", 5, /ManagedPolicyArns\.0 must be string/]],
  "iam/openIdConnectProvider:OpenIdConnectProvider": [
    ["url", "", /Url must NOT have fewer than 1 characters/],
    ["clientIdLists.0", "", /ClientIdList\.0 must NOT have fewer than 1 characters/],
  ],
  "iam/instanceProfile:InstanceProfile": [["role", undefined, /required property 'Roles'/]],
  "kms/key:Key": [["deletionWindowInDays", 31, /PendingWindowInDays must be <= 30/]],
  "kms/alias:Alias": [["name", "cloister", /^name = "cloister": AWS::KMS::Alias\.AliasName must match pattern/]],
  "secretsmanager/secret:Secret": [["kmsKeyId", 1, /KmsKeyId must be string/]],
  "s3/bucket:Bucket": [["bucket", "Upper_Case", /^bucket = "Upper_Case": AWS::S3::Bucket\.BucketName must match/]],
  "s3/bucketVersioning:BucketVersioning": [
    ["versioningConfiguration.status", "On", /Status must be one of \["Enabled","Suspended"\]/],
  ],
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
    ["rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "rot13", /SSEAlgorithm must be one of .*"aws:kms"/],
    ["rules.0.blockedEncryptionTypes", ["SSE-X"], /EncryptionType\.0 must be one of/],
  ],
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [["blockPublicAcls", "yes", /BlockPublicAcls must be boolean/]],
  "s3/bucketOwnershipControls:BucketOwnershipControls": [
    ["rule.objectOwnership", "Nobody", /ObjectOwnership must be one of .*"BucketOwnerEnforced"/],
  ],
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
    ["rules.0.status", "Sometimes", /Status must be one of/],
    ["rules.0.abortIncompleteMultipartUpload.daysAfterInitiation", -1, /must be >= 0/],
    ["rules.0.filter.prefix", 3, /^rules\[0\]\.filter\.prefix = 3: .*Prefix must be string/],
  ],
  "s3/bucketPolicy:BucketPolicy": [["policy", undefined, /required property 'PolicyDocument'/]],
  "cloudwatch/logGroup:LogGroup": [
    ["retentionInDays", 8, /RetentionInDays must be one of \[1,3,5,7,14/],
    ["kmsKeyId", "key", /KmsKeyId must match/],
    ["name", "a b", /LogGroupName must match/],
  ],
  "cloudwatch/metricAlarm:MetricAlarm": [
    ["metricName", undefined, /must have exactly one of .*"MetricName"/],
    ["comparisonOperator", "About", /ComparisonOperator must be one of/],
    ["statistic", "Median", /Statistic must be one of/],
  ],
  "cloudwatch/dashboard:Dashboard": [["dashboardBody", undefined, /required property 'DashboardBody'/]],
  "budgets/budget:Budget": [
    ["limitAmount", "a lot", /Amount must be number/],
    ["notifications.0.threshold", 0, /^notifications\[0\]\.threshold = 0: .*must be >= 0\.1/],
  ],
  "dlm/lifecyclePolicy:LifecyclePolicy": [
    ["description", "a/b", /Description must match pattern/],
    ["policyDetails.schedules.0.createRule.times", "25:00", /Times\.0 must match pattern/],
    ["policyDetails.targetTags", {}, /TargetTags must NOT have fewer than 1 items/],
  ],
  "route53/resolverFirewallDomainList:ResolverFirewallDomainList": [["name", "", /Name must/]],
  "route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": [
    ["name", "x".repeat(65), /Name must NOT have more than 64 characters/],
  ],
  "route53/resolverFirewallRule:ResolverFirewallRule": [
    ["action", "PERHAPS", /^action = "PERHAPS": .*Action must be one of \["ALLOW","BLOCK","ALERT"\]/],
    ["priority", undefined, /required property 'Priority'/],
  ],
  "route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": [
    ["vpcId", undefined, /required property 'VpcId'/],
  ],
  "sns/topic:Topic": [["name", 1, /TopicName must be string/]],
  "sns/topicSubscription:TopicSubscription": [["protocol", undefined, /required property 'Protocol'/]],
};

/** A copy with one property set, or taken out. */
function changed(inputs: Properties, path: string, value: Value | undefined): Properties {
  const copy = structuredClone(inputs);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const at = keys.reduce<Properties>((part, key) => part[key] as Properties, copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const inputsOf = (token: string): z.ZodType => TYPES[token]?.inputs ?? assert.fail(token);

describe("AWS's schemas in the stand-in", function () {
  this.timeout(240_000);
  let schemas: AwsSchemas;
  const violations = async (token: string, inputs: Properties): Promise<string[]> =>
    (await schemas.violations(token, inputs, pathsOf(inputsOf(token)))).map(({ message }) => message);

  before(async () => {
    schemas = new AwsSchemas(schemasIn(await ensureMoto()), "eu-central-1");
  });

  it("know every type of the stand-in", () => {
    assert.deepEqual(Object.keys(MAPPED).sort(), Object.keys(TYPES).sort());
    assert.deepEqual(Object.keys(GOOD).sort(), Object.keys(TYPES).sort());
    assert.deepEqual(
      Object.keys(BAD).sort(),
      Object.keys(TYPES)
        .map((token) => token.slice("aws:".length))
        .sort(),
    );
  });

  for (const [name, changes] of Object.entries(BAD)) {
    it(`take a good ${name}, and refuse it with one property changed`, async () => {
      const token = `aws:${name}`;
      const good = GOOD[token] ?? {};
      assert.deepEqual(await violations(token, good), []);
      for (const [path, value, says] of changes)
        assert.match((await violations(token, changed(good, path, value))).join("\n"), says, path);
    });
  }

  it("say the property, its value and the rule", async () => {
    const more = await schemas.violations(
      "aws:cloudwatch/logGroup:LogGroup",
      changed(GOOD["aws:cloudwatch/logGroup:LogGroup"] ?? {}, "retentionInDays", 8),
      pathsOf(inputsOf("aws:cloudwatch/logGroup:LogGroup")),
    );
    assert.equal(more.length, 1);
    assert.equal(more[0]?.path, "retentionInDays");
    assert.match(
      more[0]?.message ?? "",
      /^retentionInDays = 8: AWS::Logs::LogGroup\.RetentionInDays must be one of \[1,/,
    );
  });

  it("let pass what is not known yet, and refuse what is", async () => {
    const token = "aws:ebs/volume:Volume";
    const good = GOOD[token] ?? {};
    assert.deepEqual(await violations(token, changed(good, "kmsKeyId", unknown)), []);
    assert.notDeepEqual(await violations(token, changed(good, "kmsKeyId", "not known")), []);
  });

  it("have a place for each property, or the table says why there is none", async () => {
    for (const [token, { inputs }] of Object.entries(TYPES)) {
      const mapped = MAPPED[token] as Mapped;
      const all = pathsOf(inputs);
      for (const path of [...Object.keys(mapped.names ?? {}), ...Object.keys(mapped.forms ?? {})])
        assert.ok(
          all.some((one) => one === path || one.startsWith(`${path}.`)),
          `${token} has no ${path}`,
        );
      for (const path of Object.keys(mapped.without ?? {})) {
        assert.ok(
          all.some((one) => one === path || one.startsWith(`${path}.`)),
          `${token} has no ${path}`,
        );
      }
      // A property that the table does not place is one that the schema does not have.
      const added = changed(GOOD[token] ?? {}, "notThere", 1);
      const within = mapped.within ?? mapped.cloudFormation;
      assert.match((await violations(token, added)).join("\n"), /has no property NotThere/, within);
    }
  });

  it("are listed in the documentation where they have no place for a property", () => {
    const page = readFileSync(new URL("../../../docs/rehearsal.md", import.meta.url), "utf8");
    for (const [token, { without = {} }] of Object.entries(MAPPED)) {
      const names = Object.keys(without);
      if (names.length === 0) continue;
      const type = token.split(":").at(-1) ?? "";
      const row = page
        .split("\n")
        .find((line) => line.startsWith(`| \`${type}\` |`) && names.every((name) => line.includes(`\`${name}\``)));
      assert.ok(row, `${type}: ${names.join(", ")}`);
    }
  });
});
