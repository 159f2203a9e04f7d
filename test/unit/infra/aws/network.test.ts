import assert from "node:assert/strict";
import { bucketOf } from "../../../../infra/aws/network/endpoints.ts";
import { Network, type NetworkArgs } from "../../../../infra/aws/network/network.ts";
import { allowed } from "../../../../rehearsal/permissions.ts";
import { describeOptions, type Made, make, type Rows } from "./options.ts";

const zones = ["eu-central-1a", "eu-central-1b"];
const base: NetworkArgs = { region: "eu-central-1", zones };
const network = (args: NetworkArgs) => new Network("net", args);
const endpoints = (made: Made) => made.of("VpcEndpoint").map(({ serviceName }) => serviceName.split(".").at(-1));
const policies = (made: Made) => made.of("VpcEndpoint").flatMap(({ policy }) => (policy ? [JSON.parse(policy)] : []));
const existing = {
  vpcId: "vpc-of-mine",
  cidr: "192.168.0.0/20",
  subnetIds: { "eu-central-1a": "subnet-a", "eu-central-1b": "subnet-b" },
};

describe("the network", () => {
  describeOptions(base, network, {
    region: {
      change: { region: "us-east-1" },
      sees: (made) => made.one("VpcEndpoint")["serviceName"],
      before: "com.amazonaws.eu-central-1.s3",
      after: "com.amazonaws.us-east-1.s3",
    },
    zones: {
      change: { zones: [...zones, "eu-central-1c"] },
      sees: (made) => made.of("Subnet").filter(({ tags }) => tags.Name.includes("private")).length,
      before: 2,
      after: 3,
    },
    cidr: {
      change: { cidr: "10.99.0.0/20" },
      sees: (made) => [made.one("Vpc")["cidrBlock"], made.of("Subnet")[0]?.["cidrBlock"]],
      before: ["10.20.0.0/16", "10.20.0.0/19"],
      after: ["10.99.0.0/20", "10.99.0.0/23"],
    },
    nat: {
      change: { nat: "per-zone" },
      sees: (made) => made.names("NatGateway"),
      before: ["net-eu-central-1a"],
      after: ["net-eu-central-1a", "net-eu-central-1b"],
    },
    ssmEndpoints: {
      change: { ssmEndpoints: true },
      sees: endpoints,
      before: ["s3"],
      after: ["s3", "ssm", "ssmmessages"],
    },
    accountId: {
      change: { accountId: "210987654321", ssmEndpoints: true },
      sees: (made) =>
        policies(made).map(({ Statement }) => Statement[0].Condition.StringEquals["aws:PrincipalAccount"]),
      before: [],
      after: ["210987654321", "210987654321"],
    },
    packageBuckets: {
      change: { packageBuckets: ["our-mirror"], nat: "none" },
      sees: (made) => policies(made).map(({ Statement }) => Statement[1].Resource),
      before: [],
      after: [["arn:aws:s3:::our-mirror/*"]],
    },
    flowLogs: {
      change: { flowLogs: { logGroupArn: "arn:aws:logs:x", roleArn: "arn:aws:iam::1:role/x" } },
      sees: (made) =>
        made.of("FlowLog").map(({ vpcId, logDestination, iamRoleArn }) => [vpcId, logDestination, iamRoleArn]),
      before: [],
      after: [["net-id", "arn:aws:logs:x", "arn:aws:iam::1:role/x"]],
    },
    dnsFirewall: {
      change: { dnsFirewall: ["api.anthropic.com"] },
      sees: (made) => made.of("ResolverFirewallDomainList").map(({ domains }) => domains),
      before: [],
      after: [["*.eu-central-1.amazonaws.com.", "api.anthropic.com."], ["*."]],
    },
    existing: {
      change: { existing },
      sees: (made) => [
        made.of("Vpc").length,
        made.of("Subnet").length,
        made.one("SecurityGroup")["vpcId"],
        made.of("SecurityGroupEgressRule").map(({ cidrIpv4 }) => cidrIpv4),
      ],
      before: [1, 3, "net-id", ["10.20.0.0/16", "10.20.0.0/16", "0.0.0.0/0"]],
      after: [0, 0, "vpc-of-mine", ["192.168.0.0/20", "192.168.0.0/20", "0.0.0.0/0"]],
    },
    tags: {
      change: { tags: { team: "agents" } },
      // All but associations and routes take tags.
      sees: (made) =>
        made.all
          .filter(({ inputs }) => inputs["tags"]?.team !== "agents")
          .map(({ type }) => type.split(":")[2])
          .sort(),
      before: [
        ...["Eip", "InternetGateway", "NatGateway", "Network", "Route", "Route", "Route", "RouteTable", "RouteTable"],
        ...["RouteTable", "RouteTableAssociation", "RouteTableAssociation", "RouteTableAssociation", "SecurityGroup"],
        ...["SecurityGroupEgressRule", "SecurityGroupEgressRule", "SecurityGroupEgressRule", "Subnet", "Subnet"],
        ...["Subnet", "Vpc", "VpcEndpoint"],
      ],
      after: [
        ...["Network", "Route", "Route", "Route", "RouteTableAssociation", "RouteTableAssociation"],
        "RouteTableAssociation",
      ],
    },
  } satisfies Rows<NetworkArgs>);

  it("without NAT has no way out but its endpoints and S3", async () => {
    const made = await make(() => network({ ...base, nat: "none", ssmEndpoints: true }));
    for (const type of ["InternetGateway", "NatGateway", "Eip", "Route"]) assert.deepEqual(made.of(type), [], type);
    assert.deepEqual(endpoints(made), [...["autoscaling", "logs", "s3", "secretsmanager", "ssm", "ssmmessages"]]);
    assert.deepEqual(
      made
        .of("SecurityGroupEgressRule")
        .map(({ fromPort, cidrIpv4, prefixListId }) => [fromPort, cidrIpv4 ?? prefixListId]),
      [
        [53, "10.20.0.0/16"],
        [53, "10.20.0.0/16"],
        [443, "10.20.0.0/16"],
        [443, "pl-0123"],
      ],
    );
    for (const endpoint of made.of("VpcEndpoint").filter(({ vpcEndpointType }) => vpcEndpointType === "Interface")) {
      assert.deepEqual(endpoint["subnetIds"], ["net-private-eu-central-1a-id", "net-private-eu-central-1b-id"]);
      assert.deepEqual(endpoint["securityGroupIds"], ["net-endpoints-id"]);
      assert.equal(endpoint["privateDnsEnabled"], true);
    }
    assert.equal(made.one("SecurityGroupIngressRule")["referencedSecurityGroupId"], "net-machines-id");
  });

  it("carries out nothing for another account by its endpoints", async () => {
    const made = await make(() =>
      network({ ...base, nat: "none", ssmEndpoints: true, packageBuckets: ["our-mirror"] }),
    );
    const of = (service: string) => {
      const found = made.of("VpcEndpoint").find(({ serviceName }) => serviceName.endsWith(`.${service}`));
      const { Statement } = JSON.parse(found?.["policy"]) as { Statement: { Principal: string }[] };
      // The simulator has no policies of endpoints: who asks is in the conditions alone.
      return { Statement: Statement.map(({ Principal: _, ...rest }) => rest), Version: "2012-10-17" };
    };
    const through = (service: string, action: string, resource: string, by: string, owner = by) =>
      allowed({
        principal: `arn:aws:iam::123456789012:role/x`,
        policy: of(service),
        action,
        resource,
        context: { "aws:PrincipalAccount": by, "aws:ResourceAccount": owner },
      });
    const [own, other] = ["123456789012", "210987654321"];
    const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:123456789012:${rest}`;
    for (const [action, resource] of [
      ["ssm:UpdateInstanceInformation", arn("ec2", "instance/i-0123456789abcdef0")],
      ["ssmmessages:OpenDataChannel", "*"],
      ["logs:PutLogEvents", arn("logs", "log-group:/cloister/dev/audit:log-stream:x")],
      ["secretsmanager:GetSecretValue", arn("secretsmanager", "secret:x-AbCdEf")],
      ["autoscaling:CompleteLifecycleAction", arn("autoscaling", "autoScalingGroup:x:autoScalingGroupName/y")],
    ] as const) {
      const service = action.split(":")[0] ?? "";
      assert.equal(await through(service, action, resource, own), true, action);
      assert.equal(await through(service, action, resource, other), false, `${action}, another account's`);
    }
    const parameter = arn("ssm", "parameter/x");
    assert.equal(await through("ssm", "ssm:GetParameter", parameter, own), false, "what machines never ask for");
    const object = (bucket: string) => `arn:aws:s3:::${bucket}/x`;
    assert.equal(await through("s3", "s3:GetObject", object("cloister-dev"), own), true);
    assert.equal(await through("s3", "s3:GetObject", object("theirs"), other), false);
    assert.equal(await through("s3", "s3:GetObject", object("theirs"), own, other), false);
    assert.equal(await through("s3", "s3:PutObject", object("cloister-dev"), own), false);
    assert.equal(await through("s3", "s3:GetObject", object("our-mirror"), other), true);
    assert.equal(await through("s3", "s3:PutObject", object("our-mirror"), other), false);
  });

  it("knows the bucket of a mirror by S3's names for it", () => {
    for (const address of [
      "https://our.mirror.s3.eu-central-1.amazonaws.com/ubuntu",
      "https://our.mirror.s3.dualstack.eu-central-1.amazonaws.com/ubuntu",
      "https://our.mirror.s3.amazonaws.com/ubuntu",
      "https://s3.eu-central-1.amazonaws.com/our.mirror/ubuntu",
      "https://s3.dualstack.eu-central-1.amazonaws.com/our.mirror",
      "https://s3.amazonaws.com/our.mirror",
      "https://our.mirror.s3.cn-north-1.amazonaws.com.cn",
    ])
      assert.equal(bucketOf(address), "our.mirror", address);
    for (const address of [
      "https://ports.ubuntu.com/ubuntu-ports",
      "https://s3.example.com/x",
      "https://x.s3.example.com",
    ])
      assert.equal(bucketOf(address), undefined, address);
  });

  it("leads each zone through its own gateway where there is one in each, else all through the one", async () => {
    const ways = async (nat: "single" | "per-zone") =>
      (await make(() => network({ ...base, nat })))
        .of("Route")
        .flatMap(({ natGatewayId }) => (natGatewayId ? [natGatewayId] : []));
    assert.deepEqual(await ways("single"), ["net-eu-central-1a-id", "net-eu-central-1a-id"]);
    assert.deepEqual(await ways("per-zone"), ["net-eu-central-1a-id", "net-eu-central-1b-id"]);
  });

  it("says what is wrong with its arguments at once", () => {
    assert.throws(
      () => network({ region: "eu-central-1", zones: ["eu-central-1a"], cidr: "8.8.0.0/16" }),
      /zones must be two or three; cidr must lie in 10\.0\.0\.0\/8/,
    );
    const { "eu-central-1a": a } = existing.subnetIds;
    assert.throws(
      () => network({ ...base, existing: { ...existing, subnetIds: { "eu-central-1a": a } } }),
      /existing\.subnetIds has no subnet for eu-central-1b/,
    );
  });
});
