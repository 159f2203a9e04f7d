import assert from "node:assert/strict";
import { Encryption, type EncryptionArgs } from "../../../../infra/aws/access/encryption.ts";
import { ServiceRole, type ServiceRoleArgs } from "../../../../infra/aws/access/service-role.ts";
import { RuntimeBucket, type RuntimeBucketArgs } from "../../../../infra/aws/data/runtime-bucket.ts";
import { Snapshots, type SnapshotsArgs } from "../../../../infra/aws/data/snapshots.ts";
import { DnsFirewall, type DnsFirewallArgs } from "../../../../infra/aws/network/dns-firewall.ts";
import { Alerts, type AlertsArgs } from "../../../../infra/aws/watch/alerts.ts";
import { Budget, type BudgetArgs } from "../../../../infra/aws/watch/budget.ts";
import { Dashboard, type DashboardArgs } from "../../../../infra/aws/watch/dashboard.ts";
import { Logs, type LogsArgs } from "../../../../infra/aws/watch/logs.ts";
import { describeOptions, type Made, make, type Rows } from "./options.ts";

/** Components of one or a few resources, each with all its options. */
const tags = { team: "agents" };
const [key, otherKey] = ["arn:aws:kms:eu-central-1:1:key/a", "arn:aws:kms:eu-central-1:1:key/b"];
const boundary = "arn:aws:iam::123456789012:policy/boundary";
const tagged = (type: string) => (made: Made) => [...new Set(made.of(type).map((one) => one["tags"]?.team))];

describe("the DNS firewall", () => {
  const base: DnsFirewallArgs = { region: "eu-central-1", vpcId: "vpc-1", domains: [] };
  describeOptions(base, (args) => new DnsFirewall("net", args), {
    region: {
      change: { region: "us-east-1" },
      sees: (made) => made.of("ResolverFirewallDomainList")[0]?.["domains"],
      before: ["*.eu-central-1.amazonaws.com."],
      after: ["*.us-east-1.amazonaws.com."],
    },
    vpcId: {
      change: { vpcId: "vpc-2" },
      sees: (made) => made.one("ResolverFirewallRuleGroupAssociation")["vpcId"],
      before: "vpc-1",
      after: "vpc-2",
    },
    domains: {
      change: { domains: ["*.ubuntu.com", "api.anthropic.com."] },
      sees: (made) => made.of("ResolverFirewallDomainList")[0]?.["domains"].slice(1),
      before: [],
      after: ["*.ubuntu.com.", "api.anthropic.com."],
    },
    tags: {
      change: { tags },
      sees: tagged("ResolverFirewallRuleGroup"),
      before: [undefined],
      after: ["agents"],
    },
  } satisfies Rows<DnsFirewallArgs>);

  it("lets the listed names resolve before it refuses all others", async () => {
    const made = await make(() => new DnsFirewall("net", base));
    assert.deepEqual(
      made
        .of("ResolverFirewallRule")
        .map((rule) => [
          rule["action"],
          rule["priority"],
          rule["blockResponse"],
          rule["firewallDomainRedirectionAction"],
        ]),
      [
        ["ALLOW", 100, undefined, "TRUST_REDIRECTION_DOMAIN"],
        ["BLOCK", 200, "NXDOMAIN", undefined],
      ],
    );
    assert.deepEqual(made.of("ResolverFirewallDomainList")[1]?.["domains"], ["*."]);
  });
});

describe("the key", () => {
  const base: EncryptionArgs = { region: "eu-central-1" };
  const logs = (made: Made) =>
    JSON.parse(made.one("Key")["policy"]).Statement.find(({ Sid }: { Sid: string }) => Sid === "Logs");
  describeOptions(base, (args) => new Encryption("dev", args), {
    region: {
      change: { region: "cn-north-1" },
      sees: (made) => [
        logs(made).Principal.Service,
        logs(made).Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"],
      ],
      before: ["logs.eu-central-1.amazonaws.com", "arn:aws:logs:eu-central-1:123456789012:log-group:/cloister/*"],
      after: ["logs.cn-north-1.amazonaws.com", "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/cloister/*"],
    },
    accountId: {
      change: { accountId: "210987654321" },
      sees: (made) => [...new Set(made.one("Key")["policy"].match(/\b\d{12}\b/g) as string[])],
      before: ["123456789012"],
      after: ["210987654321"],
    },
    tags: { change: { tags }, sees: tagged("Key"), before: [undefined], after: ["agents"] },
  } satisfies Rows<EncryptionArgs>);

  it("rotates, and waits a month when it is deleted", async () => {
    const made = await make(() => new Encryption("dev", base));
    assert.equal(made.one("Key")["enableKeyRotation"], true);
    assert.equal(made.one("Key")["deletionWindowInDays"], 30);
    assert.equal(made.one("Alias")["name"], "alias/cloister/dev");
  });
});

describe("logs", () => {
  const base: LogsArgs = { prefix: "/cloister/dev", retentionDays: 7, keyArn: key };
  const each = (property: string) => (made: Made) => [...new Set(made.of("LogGroup").map((one) => one[property]))];
  describeOptions(base, (args) => new Logs("dev", args), {
    prefix: {
      change: { prefix: "/cloister/other" },
      sees: (made) => made.names("LogGroup"),
      before: ["/cloister/dev/audit", "/cloister/dev/flow", "/cloister/dev/system"],
      after: ["/cloister/other/audit", "/cloister/other/flow", "/cloister/other/system"],
    },
    retentionDays: { change: { retentionDays: 365 }, sees: each("retentionInDays"), before: [7], after: [365] },
    keyArn: { change: { keyArn: otherKey }, sees: each("kmsKeyId"), before: [key], after: [otherKey] },
    tags: { change: { tags }, sees: tagged("LogGroup"), before: [undefined], after: ["agents"] },
  } satisfies Rows<LogsArgs>);

  it("have no fixed names: what a destroy keeps is not in the way of the next stack", async () => {
    const made = await make(() => new Logs("dev", base));
    assert.deepEqual(each("name")(made), [undefined]);
  });
});

describe("the runtime bucket", () => {
  const base: RuntimeBucketArgs = { keyArn: key };
  describeOptions(base, (args) => new RuntimeBucket("dev", args), {
    keyArn: {
      change: { keyArn: otherKey },
      sees: (made) =>
        made.one("BucketServerSideEncryptionConfiguration")["rules"][0].applyServerSideEncryptionByDefault,
      before: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key },
      after: { sseAlgorithm: "aws:kms", kmsMasterKeyId: otherKey },
    },
    deleteWithContents: {
      change: { deleteWithContents: true },
      sees: (made) => made.one("Bucket")["forceDestroy"],
      before: false,
      after: true,
    },
    tags: { change: { tags }, sees: tagged("Bucket"), before: [undefined], after: ["agents"] },
  } satisfies Rows<RuntimeBucketArgs>);

  it("is private, versioned, without access lists, and reached by TLS alone", async () => {
    const made = await make(() => new RuntimeBucket("dev", base));
    const { bucket: _, ...block } = made.one("BucketPublicAccessBlock");
    assert.deepEqual(block, {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.equal(made.one("BucketVersioning")["versioningConfiguration"].status, "Enabled");
    assert.equal(made.one("BucketOwnershipControls")["rule"].objectOwnership, "BucketOwnerEnforced");
    const [statement] = JSON.parse(made.one("BucketPolicy")["policy"]).Statement;
    assert.deepEqual([statement.Effect, statement.Condition], ["Deny", { Bool: { "aws:SecureTransport": "false" } }]);
  });
});

describe("a role of a service", () => {
  const policy = (Sid: string) => ({
    Version: "2012-10-17" as const,
    Statement: [{ Sid, Effect: "Allow" as const, Action: [], Resource: "*" }],
  });
  const base: ServiceRoleArgs = { service: "ec2.amazonaws.com", policy: policy("One") };
  describeOptions(base, (args) => new ServiceRole("dev", args), {
    service: {
      change: { service: "dlm.amazonaws.com" },
      sees: (made) => JSON.parse(made.one("Role")["assumeRolePolicy"]).Statement[0].Principal,
      before: { Service: "ec2.amazonaws.com" },
      after: { Service: "dlm.amazonaws.com" },
    },
    policy: {
      change: { policy: policy("Two") },
      sees: (made) => JSON.parse(made.one("RolePolicy")["policy"]).Statement[0].Sid,
      before: "One",
      after: "Two",
    },
    permissionsBoundary: {
      change: { permissionsBoundary: boundary },
      sees: (made) => made.one("Role")["permissionsBoundary"],
      before: undefined,
      after: boundary,
    },
    forInstances: {
      change: { forInstances: true },
      sees: (made) => made.of("InstanceProfile").length,
      before: 0,
      after: 1,
    },
    sourceAccount: {
      change: { sourceAccount: "123456789012" },
      sees: (made) => JSON.parse(made.one("Role")["assumeRolePolicy"]).Statement[0].Condition,
      before: undefined,
      after: { StringEquals: { "aws:SourceAccount": "123456789012" } },
    },
    tags: { change: { tags }, sees: tagged("Role"), before: [undefined], after: ["agents"] },
  } satisfies Rows<ServiceRoleArgs>);
});

describe("snapshots", () => {
  const base: SnapshotsArgs = { region: "eu-central-1", stack: "dev", keyArn: "arn:x", everyHours: 24, keep: 7 };
  const details = (made: Made) => made.one("LifecyclePolicy")["policyDetails"];
  describeOptions(base, (args) => new Snapshots("dev", args), {
    region: {
      change: { region: "us-gov-west-1" },
      sees: (made) => JSON.parse(made.one("RolePolicy")["policy"]).Statement[1].Resource[0],
      before: "arn:aws:ec2:eu-central-1::snapshot/*",
      after: "arn:aws-us-gov:ec2:us-gov-west-1::snapshot/*",
    },
    stack: {
      change: { stack: "prod" },
      sees: (made) => details(made).targetTags,
      before: { "cloister:snapshots": "dev" },
      after: { "cloister:snapshots": "prod" },
    },
    keyArn: {
      change: { keyArn: "arn:y" },
      sees: (made) =>
        JSON.parse(made.one("RolePolicy")["policy"]).Statement.flatMap(({ Action, Resource }: never) =>
          [Action].flat().some((action: string) => action.startsWith("kms:")) ? [Resource] : [],
        ),
      before: ["arn:x", "arn:x"],
      after: ["arn:y", "arn:y"],
    },
    accountId: {
      change: { accountId: "123456789012" },
      sees: (made) => JSON.parse(made.one("Role")["assumeRolePolicy"]).Statement[0].Condition,
      before: undefined,
      after: { StringEquals: { "aws:SourceAccount": "123456789012" } },
    },
    everyHours: {
      change: { everyHours: 6 },
      sees: (made) => details(made).schedules[0].createRule,
      before: { interval: 24, intervalUnit: "HOURS", times: "03:00" },
      after: { interval: 6, intervalUnit: "HOURS", times: "03:00" },
    },
    keep: {
      change: { keep: 30 },
      sees: (made) => details(made).schedules[0].retainRule,
      before: { count: 7 },
      after: { count: 30 },
    },
    permissionsBoundary: {
      change: { permissionsBoundary: boundary },
      sees: (made) => made.one("Role")["permissionsBoundary"],
      before: undefined,
      after: boundary,
    },
    tags: {
      change: { tags },
      sees: (made) => [...tagged("LifecyclePolicy")(made), ...tagged("Role")(made)],
      before: [undefined, undefined],
      after: ["agents", "agents"],
    },
  } satisfies Rows<SnapshotsArgs>);
});

describe("the budget", () => {
  const base: BudgetArgs = { monthlyUSD: 50, email: "a@example.com", stack: "dev" };
  describeOptions(base, (args) => new Budget("dev", args), {
    monthlyUSD: {
      change: { monthlyUSD: 75.5 },
      sees: (made) => [made.of("Budget").at(-1)?.["limitAmount"], made.of("Budget").at(-1)?.["limitUnit"]],
      before: ["50", "USD"],
      after: ["75.5", "USD"],
    },
    email: {
      change: { email: "b@example.com" },
      sees: (made) =>
        made
          .of("Budget")
          .at(-1)
          ?.["notifications"].map((one: Record<string, unknown>) => [
            one["notificationType"],
            one["threshold"],
            one["subscriberEmailAddresses"],
          ]),
      before: [
        ["ACTUAL", 80, ["a@example.com"]],
        ["FORECASTED", 100, ["a@example.com"]],
      ],
      after: [
        ["ACTUAL", 80, ["b@example.com"]],
        ["FORECASTED", 100, ["b@example.com"]],
      ],
    },
    stack: {
      change: { stack: "prod" },
      sees: (made) => made.of("Budget").at(-1)?.["costFilters"],
      before: [{ name: "TagKeyValue", values: ["user:cloister:stack$dev"] }],
      after: [{ name: "TagKeyValue", values: ["user:cloister:stack$prod"] }],
    },
  } satisfies Rows<BudgetArgs>);
});

describe("alerts", () => {
  const base: AlertsArgs = { email: "a@example.com", machines: [], groups: [] };
  const alarms = (made: Made) => made.of("MetricAlarm").map((one) => one["dimensions"] ?? one["metricQueries"]);
  describeOptions(base, (args) => new Alerts("dev", args), {
    email: {
      change: { email: "b@example.com" },
      sees: (made) => [made.one("TopicSubscription")["protocol"], made.one("TopicSubscription")["endpoint"]],
      before: ["email", "a@example.com"],
      after: ["email", "b@example.com"],
    },
    machines: {
      change: { machines: [{ machine: "one", instanceId: "i-1" }] },
      sees: alarms,
      before: [],
      after: [{ InstanceId: "i-1" }],
    },
    groups: {
      change: { groups: ["cloister-dev-small"] },
      sees: (made) =>
        made
          .of("MetricAlarm")
          .map((one) =>
            one["metricQueries"].map((query: Record<string, unknown>) => query["expression"] ?? query["metric"]),
          ),
      before: [],
      after: [
        [
          "wanted - there",
          ...["GroupDesiredCapacity", "GroupInServiceInstances"].map((metricName) => ({
            namespace: "AWS/AutoScaling",
            metricName,
            dimensions: { AutoScalingGroupName: "cloister-dev-small" },
            period: 300,
            stat: "Average",
          })),
        ],
      ],
    },
    logGroups: {
      change: { logGroups: [{ name: "system", group: "/cloister/dev/system" }] },
      sees: alarms,
      before: [],
      after: [{ LogGroupName: "/cloister/dev/system" }],
    },
    tags: {
      change: { tags },
      sees: (made) => made.one("Topic")["tags"],
      before: {},
      after: tags,
    },
  } satisfies Rows<AlertsArgs>);

  it("go to the topic that the address hears of, each when it comes and when it is over", async () => {
    const some = {
      machines: [{ machine: "one", instanceId: "i-1" }],
      groups: ["g"],
      logGroups: [{ name: "system", group: "l" }],
    };
    const made = await make(() => new Alerts("dev", { ...base, ...some }));
    const topic = "arn:aws:sns:eu-central-1:123456789012:dev-alerts";
    assert.equal(made.one("TopicSubscription")["topic"], topic);
    const told = made.of("MetricAlarm").map((one) => [one["alarmActions"], one["okActions"]]);
    assert.deepEqual(told, Array(3).fill([[topic], [topic]]));
    const says = made.of("MetricAlarm").map((one) => one["alarmDescription"]);
    for (const what of [/instance check/, /half an hour/, /for an hour/]) assert.ok(says.some((one) => what.test(one)));
  });

  it("say that nobody hears of them, until the address has confirmed AWS's mail", async () => {
    const unconfirmed = async (name: string) => {
      const said: (string | undefined)[] = [];
      await make(() => new Alerts(name, base).unconfirmed.apply((one) => said.push(one)));
      assert.equal(said.length, 1);
      return said[0];
    };
    assert.match((await unconfirmed("silent")) ?? "", /nobody hears of alarms until a@example\.com confirms the mail/);
    assert.equal(await unconfirmed("dev"), undefined);
  });
});

describe("the dashboard", () => {
  const base: DashboardArgs = { region: "eu-central-1", machines: [], pools: [] };
  const widgets = (made: Made) =>
    JSON.parse(made.of("Dashboard").at(-1)?.["dashboardBody"]).widgets as {
      properties: { title: string; region: string; metrics: unknown[][] };
    }[];
  const groups = ["one", "two"].map((group) => ({ group, templateVersion: 1 }));
  describeOptions(base, (args) => new Dashboard("dev", args), {
    region: {
      change: { region: "us-east-1", machines: [{ machine: "one", instanceId: "i-1" }] },
      sees: (made) => widgets(made)[0]?.properties.region,
      before: undefined,
      after: "us-east-1",
    },
    machines: {
      change: { machines: [{ machine: "one", instanceId: "i-1" }] },
      sees: (made) => widgets(made).map(({ properties }) => properties.metrics),
      before: [],
      after: [
        [["AWS/EC2", "CPUUtilization", "InstanceId", "i-1", { label: "one" }]],
        [["AWS/EC2", "StatusCheckFailed", "InstanceId", "i-1", { label: "one" }]],
      ],
    },
    pools: {
      change: { pools: [groups] },
      sees: (made) => widgets(made).map(({ properties }) => properties.metrics),
      before: [],
      after: [
        [
          ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", "one"],
          [".", ".", ".", "two"],
          ["AWS/AutoScaling", "GroupDesiredCapacity", "AutoScalingGroupName", "one"],
          [".", ".", ".", "two"],
        ],
      ],
    },
  } satisfies Rows<DashboardArgs>);

  it("has at most 500 metrics in a widget, what CloudWatch takes", async () => {
    const machines = Array.from({ length: 600 }, (_, i) => ({ machine: `m${i}`, instanceId: `i-${i}` }));
    const pools = [Array.from({ length: 600 }, (_, i) => ({ group: `g${i}`, templateVersion: 1 }))];
    const made = await make(() => new Dashboard("dev", { ...base, machines, pools }));
    assert.deepEqual(
      widgets(made).map(({ properties }) => properties.metrics.length),
      [250, 250, 500],
    );
  });
});
