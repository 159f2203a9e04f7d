import assert from "node:assert/strict";
import type { EngineResult } from "../../../rehearsal/engine.ts";
import { type Clients, clientsOf, instancesOf, inventory, tagsOf } from "../../../rehearsal/look.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";

const BOUNDARY = "arn:aws:iam::123456789012:policy/boundary";

/** An account may bring its own network, boundary and secret. Each test begins where the one before ended. */
describe("a stack on AWS in a network of one's own (rehearsed with moto)", function () {
  this.timeout(240_000);
  let stack: Rehearsal;
  let aws: Clients;
  let before_: string[];
  let mine: { vpcId: string; subnetIds: Record<string, string>; secret: string };

  const succeeded = ({ exitCode, all }: EngineResult): void => assert.equal(exitCode, 0, all);

  before(async () => {
    stack = await Rehearsal.create({ stack: "prod" });
    aws = clientsOf(stack.moto.endpoint);
    mine = await bring();
    before_ = await inventory(aws, await stack.kept());
    await stack.set({
      network: { existing: { vpcId: mine.vpcId, cidr: "10.50.0.0/16", subnetIds: mine.subnetIds } },
      permissionsBoundary: BOUNDARY,
      modelKeySecret: mine.secret,
      zones: Object.keys(mine.subnetIds),
      machines: { one: {} },
      pools: { workers: { min: 1, max: 2, desired: 2 } },
      detailedMonitoring: true,
      onDestroy: "delete-data",
      tags: { team: "agents" },
    });
  });
  after(async () => await stack.dispose());

  async function bring(): Promise<typeof mine> {
    const { Vpc } = await aws.ec2.createVpc({ CidrBlock: "10.50.0.0/16" });
    const vpcId = Vpc?.VpcId ?? "";
    const subnetIds: Record<string, string> = {};
    for (const [i, zone] of ["eu-central-1a", "eu-central-1b"].entries()) {
      const made = await aws.ec2.createSubnet({ VpcId: vpcId, AvailabilityZone: zone, CidrBlock: `10.50.${i}.0/24` });
      subnetIds[zone] = made.Subnet?.SubnetId ?? "";
    }
    await aws.iam.createPolicy({
      PolicyName: "boundary",
      PolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
      }),
    });
    const { ARN = "" } = await aws.secrets.createSecret({ Name: "mine", SecretString: "key" });
    return { vpcId, subnetIds, secret: ARN };
  }

  it("comes up in it, and makes no network, no secret and no role without the bound", async () => {
    succeeded(await stack.engine.up());
    succeeded(await stack.engine.preview("--expect-no-changes", "--refresh"));
    // A preview says what this computer cannot make, and goes on.
    const bare = await stack.engine.run(["preview", "--expect-no-changes", "-s", "prod"], {
      CLOISTER_TEST_MISSING: "Go is needed.",
    });
    succeeded(bare);
    assert.match(bare.all, /warning: Go is needed\. Until then/);
    const kinds = (await stack.engine.resources()).map(({ type }) => type.split(":").at(-1));
    for (const kind of ["Vpc", "Subnet", "RouteTable", "NatGateway", "InternetGateway", "VpcEndpoint", "Secret"])
      assert.ok(!kinds.includes(kind), kind);
    assert.ok(kinds.includes("SecurityGroup"));
    const { Roles = [] } = await aws.iam.listRoles({});
    const ours = Roles.filter(({ RoleName = "" }) => RoleName.startsWith("cloister-prod-"));
    assert.equal(ours.length, 3);
    for (const { RoleName } of ours) {
      const { Role } = await aws.iam.getRole({ RoleName });
      assert.equal(Role?.PermissionsBoundary?.PermissionsBoundaryArn, BOUNDARY, RoleName);
      assert.equal(tagsOf(Role?.Tags)["team"], "agents", RoleName);
    }
  });

  it("has its machines in its subnets, watched each minute and protected", async () => {
    const one = (await instancesOf(aws)).find(({ Tags }) => tagsOf(Tags)["cloister:machine"] === "one");
    assert.equal(one?.VpcId, mine.vpcId);
    assert.equal(one?.Monitoring?.State, "enabled");
    assert.ok(Object.values(mine.subnetIds).includes(one?.SubnetId ?? ""));
    const { DisableApiTermination } = await aws.ec2.describeInstanceAttribute({
      InstanceId: one?.InstanceId,
      Attribute: "disableApiTermination",
    });
    assert.equal(DisableApiTermination?.Value, true);
    const { AutoScalingGroups } = await aws.autoScaling.describeAutoScalingGroups({});
    const [workers] = AutoScalingGroups ?? [];
    assert.deepEqual(workers?.VPCZoneIdentifier?.split(",").sort(), Object.values(mine.subnetIds).sort());
    assert.equal(workers?.DesiredCapacity, 2);
    const template = { LaunchTemplateId: workers?.LaunchTemplate?.LaunchTemplateId, Versions: ["$Latest"] };
    const { LaunchTemplateVersions } = await aws.ec2.describeLaunchTemplateVersions(template);
    assert.equal(LaunchTemplateVersions?.[0]?.LaunchTemplateData?.Monitoring?.Enabled, true);
    const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({
      Filters: [{ Name: "tag:cloister:stack", Values: ["prod"] }],
    });
    const dns = SecurityGroups[0]?.IpPermissionsEgress?.filter(({ FromPort }) => FromPort === 53) ?? [];
    assert.deepEqual(
      dns.flatMap(({ IpRanges = [] }) => IpRanges.map(({ CidrIp }) => CidrIp)),
      ["10.50.0.0/16", "10.50.0.0/16"],
    );
  });

  it("leaves it as it was", async () => {
    succeeded(await stack.engine.destroy());
    // moto never takes away the interfaces of machines that it terminated.
    const left = (await inventory(aws, await stack.kept())).filter((line) => !line.startsWith("interface "));
    assert.deepEqual(left, before_);
  });
});
