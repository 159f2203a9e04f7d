/** Walls that go while something like them comes, goes or is not known: each beside what is no lower wall. */
import assert from "node:assert/strict";
import { documentOfSteps, type Step } from "../../support/preview/steps.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const there: Step = { type: "aws:ec2/vpc:Vpc", op: "same", name: "vpc", id: "vpc-1", old: {}, new: {} };
const said = (...steps: Step[]): string[] => documentOfSteps([there, ...steps]).exposures.map(({ what }) => what);
const gone = (type: string, old: object, id = "gone-1"): Step => ({
  type,
  op: "delete",
  name: `${type}-${id}`,
  id,
  old,
});
const made = (type: string, wanted: object): Step => ({ type, op: "create", name: `${type}-made`, new: wanted });
const update = (type: string, old: object, wanted: object): Step => ({ type, op: "update", old, new: wanted });

const policy = (Effect: string, Action = "s3:*"): string =>
  JSON.stringify({ Statement: [{ Effect, Action, Resource: "*", Principal: "*" }] });
const DENIED = "its policy goes, and with it all that it denied";
const [BUCKET, BUCKET_POLICY] = ["aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"];
const [ROLE, POLICY] = ["aws:iam/role:Role", "aws:iam/policy:Policy"];
const SUBNET = "aws:ec2/subnet:Subnet";
const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";

describe("policies that go", () => {
  it("are told of a bucket that stays, whatever other bucket goes", () => {
    const a = gone(BUCKET, { bucket: "a" }, "a");
    const ofB = gone(BUCKET_POLICY, { bucket: "b", policy: policy("Deny") });
    assert.deepEqual(said(a, ofB), [DENIED]);
    const { iam } = documentOfSteps([there, a, ofB]);
    assert.deepEqual(
      iam.map(({ change, effect, means }) => [change, effect, means]),
      [["removed", "Deny", "broadens"]],
    );
    const ofA = gone(BUCKET_POLICY, { bucket: "a", policy: policy("Deny") });
    assert.deepEqual(said(a, ofA), [], "the control: it goes with its bucket");
    assert.deepEqual(documentOfSteps([there, a, ofA]).iam, []);
    assert.deepEqual(said(gone(BUCKET_POLICY, { bucket: "b", policy: policy("Allow") })), [], "the control");
  });

  for (const [type, key, id, holder] of [
    ["aws:secretsmanager/secretPolicy:SecretPolicy", "secretArn", "arn:s", "aws:secretsmanager/secret:Secret"],
    ["aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "https://q", "aws:sqs/queue:Queue"],
    ["aws:kms/keyPolicy:KeyPolicy", "keyId", "1-2", "aws:kms/key:Key"],
    ["aws:iam/rolePolicy:RolePolicy", "role", "r", ROLE],
  ] as const)
    it(`are told: ${type.split(":").at(-1)}`, () => {
      const one = gone(type, { [key]: id, policy: policy("Deny") });
      assert.deepEqual(said(one), [DENIED]);
      assert.deepEqual(said(one, gone(holder, {}, id)), [], "the control: it goes with what it is on");
      const byArn = gone(type, { [key]: `arn:aws:kms:x:1:key/${id}`, policy: policy("Deny") });
      const isKey = key === "keyId";
      assert.deepEqual(said(byArn, gone(holder, {}, id)), isKey ? [] : [DENIED], "a key has an ARN as well");
      assert.deepEqual(said(gone(type, { [key]: id, policy: policy("Allow") })), [], "the control: it denied nothing");
    });

  it("are told: one of its own that a role has which stays", () => {
    const one = gone(POLICY, { policy: policy("Deny") }, "arn:p");
    const on = gone(ATTACHMENT, { role: "r", policyArn: "arn:p" });
    assert.deepEqual(said(one, on), [DENIED]);
    assert.deepEqual(said(one, on, gone(ROLE, {}, "r")), [], "the control");
  });
});

describe("policies that come", () => {
  it("on a bucket that is there are told, also beside their own name of it", () => {
    const one = made(BUCKET_POLICY, { bucket: "b", policy: policy("Allow", "s3:GetObject") });
    assert.deepEqual(said(one), ["gives more to everybody: s3:GetObject"]);
    assert.deepEqual(said(one, made(BUCKET, { bucket: "b" })), [], "the control: a new bucket's");
  });

  it("are told of a role's list, also when only the deploy knows them", () => {
    const LATER = "has a policy that only the deploy knows";
    const list = (managedPolicyArns: unknown): Step =>
      update(ROLE, { managedPolicyArns: ["arn:a", "arn:b"] }, { managedPolicyArns });
    assert.deepEqual(said(list(["arn:a", UNKNOWN])), [LATER]);
    assert.deepEqual(said(list(UNKNOWN)), [LATER]);
    assert.deepEqual(said(list(["arn:a"])), [], "the control");
    const all = made(POLICY, { policy: policy("Allow", "*") });
    assert.deepEqual(said(list(["arn:a", UNKNOWN]), all), ["gives more to everybody: *", LATER]);
    assert.deepEqual(said(all, made(ATTACHMENT, { role: "r", policyArn: UNKNOWN })), [
      "gives more to everybody: *",
      "has the policy (known after the deploy) as well",
    ]);
    const newRole = made(ROLE, { name: "r" });
    assert.deepEqual(said(all, made(ATTACHMENT, { role: "r", policyArn: UNKNOWN }), newRole), [], "the control");
  });
});

describe("alarms that go", () => {
  const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
  const alarm = { metricName: "Errors", namespace: "a", dimensions: { Group: "g" }, alarmActions: ["t"] };

  it("are missed, unless one of the same metric and dimensions comes that tells somebody", () => {
    for (const other of [
      { metricName: "Cost" },
      { dimensions: { Group: "h" } },
      { dimensions: UNKNOWN },
      { alarmActions: [] },
      { actionsEnabled: false },
    ])
      assert.deepEqual(said(gone(ALARM, alarm), made(ALARM, { ...alarm, ...other })), ["the alarm goes"]);
    assert.match(
      said(gone(ALARM, { ...alarm, threshold: 1 }), made(ALARM, { ...alarm, threshold: 2 })).join(),
      /threshold 2, and not 1/,
    );
    for (const other of [{}, { threshold: 2 }, { alarmActions: [UNKNOWN] }])
      assert.deepEqual(said(gone(ALARM, alarm), made(ALARM, { ...alarm, ...other })), [], "the control");
  });

  it("with their group are not missed, also where its name is within an expression", () => {
    const metricQueries = [{ id: "a", metric: { metricName: "n", dimensions: { AutoScalingGroupName: "small" } } }];
    const small = { metricQueries, alarmActions: ["t"] };
    assert.deepEqual(said(gone(ALARM, small), gone("aws:autoscaling/group:Group", {}, "small")), []);
    assert.deepEqual(said(gone(ALARM, small), gone("aws:autoscaling/group:Group", {}, "large")), ["the alarm goes"]);
    const large = { id: "b", metric: { metricName: "n", dimensions: { AutoScalingGroupName: "large" } } };
    const both = { ...small, metricQueries: [...metricQueries, large] };
    const group = (name: string): Step => gone("aws:autoscaling/group:Group", {}, name);
    assert.deepEqual(said(gone(ALARM, both), group("small")), ["the alarm goes"]);
    assert.deepEqual(said(gone(ALARM, both), group("small"), group("large")), [], "the control");
  });
});

describe("alarms that come later", () => {
  const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
  const alarm = {
    metricName: "Errors",
    statistic: "Sum",
    dimensions: { Instance: "i-1" },
    alarmActions: ["t"],
    comparisonOperator: "GreaterThanThreshold",
    threshold: 10,
    evaluationPeriods: 2,
    period: 60,
    treatMissingData: "breaching",
  };
  const saidOf = (more: object, before: object = {}): string =>
    said(update(ALARM, { ...alarm, ...before }, { ...alarm, ...before, ...more })).join();
  const less = { comparisonOperator: "LessThanThreshold" };

  it("are told: a threshold, periods, and what counts as bad", () => {
    assert.match(saidOf({ threshold: 11 }), /^the alarm comes later, or less often: threshold 11, and not 10$/);
    assert.match(saidOf({ threshold: 9 }, less), /threshold 9, and not 10/);
    assert.match(saidOf({ threshold: UNKNOWN }), /only the deploy knows its threshold/);
    assert.match(saidOf({ evaluationPeriods: 3 }), /periods that must be bad: 3, and not 2/);
    assert.match(saidOf({ period: 300 }), /seconds of a period: 300, and not 60/);
    assert.match(saidOf({ treatMissingData: "ignore" }), /no data no longer counts/);
    assert.match(saidOf(less), /compares otherwise/);
    assert.match(saidOf({ metricName: "Other" }), /watches something else/);
    assert.match(saidOf({ statistic: "Minimum" }), /watches something else/);
    assert.match(saidOf({ threshold: undefined }), /no threshold any more/);
    assert.match(saidOf({ period: undefined }), /no longer set: seconds/);
    assert.match(
      saidOf({ datapointsToAlarm: undefined }, { datapointsToAlarm: 1 }),
      /so many must be bad: 2, and not 1/,
    );
    assert.match(saidOf({ dimensions: { Instance: "i-2" } }), /watches something else/);
    const query = (group: string): object => ({
      dimensions: undefined,
      metricQueries: [{ id: "a", metric: { metricName: "n", dimensions: { AutoScalingGroupName: group } } }],
    });
    assert.match(saidOf(query("b"), query("a")), /watches something else/);
    const recovers = { alarmActions: ["arn:aws:automate:eu-central-1:ec2:recover", "t"] };
    for (const alarmActions of [["other"], ["arn:aws:automate:eu-central-1:ec2:recover"]])
      assert.match(saidOf({ alarmActions }, recovers), /not do all that it did/);
  });

  it("that go from a machine that goes to another are not told (control)", () => {
    const moved = update(ALARM, alarm, { ...alarm, dimensions: { Instance: "i-2" } });
    const machine = gone("aws:ec2/instance:Instance", {}, "i-1");
    assert.ok(!said(moved, machine).some((one) => /alarm/.test(one)));
    assert.ok(said(moved).some((one) => /alarm/.test(one)));
  });

  it("and those that come sooner are not, nor one whose machine is new (control)", () => {
    for (const [more, before] of [
      [{ threshold: 9 }, {}],
      [{ threshold: 11 }, less],
      [{ evaluationPeriods: 1, period: 30 }, {}],
      [{ treatMissingData: "breaching" }, { treatMissingData: "ignore" }],
      [{ dimensions: { Instance: UNKNOWN } }, {}],
      [{ threshold: 11 }, { alarmActions: [] }],
      [{ datapointsToAlarm: 1 }, {}],
      [{ alarmActions: [UNKNOWN] }, {}],
      [{ alarmActions: ["t", "u"] }, {}],
    ] as [object, object][])
      assert.equal(saidOf(more, before), "", JSON.stringify(more));
  });
});

describe("who is warned", () => {
  const budget = (...subscriberEmailAddresses: string[]): object => ({ notifications: [{ subscriberEmailAddresses }] });
  const BUDGET = "aws:budgets/budget:Budget";
  const TOLD = "aws:sns/topicSubscription:TopicSubscription";

  it("is told where somebody hears no longer, or another in his place", () => {
    const others = ["others than before are warned of costs"];
    assert.deepEqual(said(update(BUDGET, budget("a@x"), budget("b@x"))), others);
    assert.deepEqual(said(update(BUDGET, budget("a@x", "b@x"), budget("b@x"))), others);
    assert.deepEqual(said(update(BUDGET, budget("a@x"), budget("a@x", "b@x"))), [], "the control");
    assert.match(
      said(update(TOLD, { endpoint: "a@x" }, { endpoint: "b@x" })).join(),
      /others than before hear of alarms/,
    );
    assert.deepEqual(said(update(TOLD, { endpoint: "a@x" }, { endpoint: "a@x", rawMessageDelivery: true })), []);
  });

  it("is told of a budget whose warning comes later, or no longer", () => {
    const warn = (threshold: unknown, who = "a@x", more: object = {}): object => ({
      notificationType: "ACTUAL",
      thresholdType: "PERCENTAGE",
      comparisonOperator: "GREATER_THAN",
      threshold,
      subscriberEmailAddresses: [who],
      ...more,
    });
    const saidOf = (before: object[], after: object[]): string[] =>
      said(update(BUDGET, { notifications: before }, { notifications: after }));
    const later = ["a warning of costs comes later, or no longer"];
    const two = [warn(80), warn(100)];
    for (const [before, after] of [
      [[warn(80)], [warn(100_000)]],
      [[warn(80)], [warn(UNKNOWN)]],
      [two, [warn(80)]],
      [two, [warn(100)]],
      [[warn(80)], [warn(80, "a@x", { notificationType: "FORECASTED" })]],
      [[warn(80)], [warn(80, "a@x", { thresholdType: "ABSOLUTE_VALUE" })]],
      [
        [warn(80, "a@x"), warn(100, "b@x")],
        [warn(80, "b@x"), warn(100, "a@x")],
      ],
    ] as [object[], object[]][])
      assert.deepEqual(saidOf(before, after), later, JSON.stringify(after));
    for (const [before, after] of [
      [[warn(80)], [warn(50)]],
      [two, [warn(100), warn(80), warn(100, "b@x")]],
      [two, [warn(50), warn(80)]],
    ] as [object[], object[]][])
      assert.deepEqual(saidOf(before, after), [], `the control: ${JSON.stringify(after)}`);
  });

  it("is told of a filter, and of another topic", () => {
    const to = (more: object): object => ({ endpoint: "a@x", topic: "arn:t", ...more });
    const replaced = (wanted: object): Step => ({ type: TOLD, op: "replace", old: to({}), new: wanted });
    assert.match(said(update(TOLD, to({}), to({ filterPolicy: '{"a":["b"]}' }))).join(), /a filter decides/);
    for (const topic of ["arn:other", UNKNOWN])
      assert.match(said(replaced(to({ topic }))).join(), /no longer of this one's alarms/);
    const anew: Step = { type: "aws:sns/topic:Topic", op: "replace", name: "topic", id: "arn:t", old: {}, new: {} };
    assert.deepEqual(said(replaced(to({ topic: UNKNOWN })), anew), [], "the control: its topic is made anew");
    assert.deepEqual(said(update(TOLD, to({ filterPolicy: "{}" }), to({}))), [], "the control");
  });

  it("is nobody's loss where nothing stays on AWS", () => {
    const all = [gone(BUDGET, budget("a@x")), gone(TOLD, {})];
    assert.deepEqual(said(...all).sort(), ["nobody hears of alarms", "nobody is warned of what it costs"]);
    const network = { ...there, op: "delete", new: undefined } as Step;
    assert.deepEqual(documentOfSteps([network, ...all]).exposures, [], "the control");
  });
});

describe("an endpoint's policy of its own", () => {
  const POLICY_OF = "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy";
  it("that goes leaves AWS's, which allows everything, whatever it said itself", () => {
    for (const effect of ["Allow", "Deny"])
      assert.ok(
        said(gone(POLICY_OF, { vpcEndpointId: "vpce-1", policy: policy(effect) })).includes(
          "its policy goes: everything is allowed through it",
        ),
      );
    const both = [
      gone(POLICY_OF, { vpcEndpointId: "vpce-1", policy: policy("Allow") }),
      gone("aws:ec2/vpcEndpoint:VpcEndpoint", {}, "vpce-1"),
    ];
    assert.deepEqual(said(...both), [], "the control: with its endpoint");
  });
});

describe("a subnet's access list with its rules within", () => {
  const LIST = "aws:ec2/networkAcl:NetworkAcl";
  const rule = (ruleNo: number, action: string, cidrBlock: string, more: object = {}): object => ({
    ruleNo,
    action,
    cidrBlock,
    protocol: "tcp",
    fromPort: 443,
    toPort: 443,
    ...more,
  });
  const list = (...ingress: object[]): object => ({ vpcId: "vpc-1", subnetIds: ["subnet-1"], ingress });
  const change = (before: object, after: unknown): string[] => said(update(LIST, before, after as object));
  const MORE = ["the access list of a subnet allows more"];
  const [all, ten, one] = [
    rule(100, "allow", "0.0.0.0/0"),
    rule(100, "allow", "10.0.0.0/8"),
    rule(100, "allow", "10.1.0.0/16"),
  ];
  const denied = rule(50, "deny", "10.9.0.0/16");

  it("is told where more comes through", () => {
    for (const [before, after] of [
      [list(ten), list(all)],
      [list(), list(one)],
      [list(ten, denied), list(ten)],
      [list(ten, denied), list(ten, { ...denied, ruleNo: 150 })],
      [list(ten, denied), list(ten, { ...denied, cidrBlock: "10.9.1.0/24" })],
      [list(ten), { ...list(), egress: [ten] }],
      [list(ten), { ...list(), ingress: UNKNOWN }],
      [list(ten), list({ ...ten, action: UNKNOWN, cidrBlock: "0.0.0.0/0" })],
      [list(ten), { ...list(ten), subnetIds: [] }],
    ])
      assert.deepEqual(change(before as object, after), MORE, JSON.stringify(after));
    assert.deepEqual(said(gone(LIST, list(ten))), MORE, "its subnet gets the network's own list");
  });

  it("is not where less does, or the same in another order (control)", () => {
    for (const [before, after] of [
      [list(ten), list(one)],
      [list(ten, denied), list(denied, ten)],
      [list(ten), list(ten, denied)],
      [list(ten, denied), list(one, { ...denied, cidrBlock: "10.0.0.0/8" })],
      [list(ten), list()],
      [list(ten), { ...list(ten), tags: { a: "b" } }],
    ])
      assert.deepEqual(change(before as object, after), [], JSON.stringify(after));
    assert.deepEqual(said(gone(LIST, list(ten)), gone(SUBNET, {}, "subnet-1")), [], "with its subnet");
    assert.deepEqual(said(gone(LIST, list(ten)), made(LIST, list(one))), [], "another list takes it");
  });
});

describe("rules of a subnet's access list", () => {
  const RULE = "aws:ec2/networkAclRule:NetworkAclRule";
  const MORE = ["the access list of a subnet allows more"];
  const rule = (more: object = {}): object => ({
    networkAclId: "acl-1",
    ruleNumber: 100,
    egress: false,
    protocol: "tcp",
    ruleAction: "allow",
    cidrBlock: "10.0.0.0/8",
    fromPort: 443,
    toPort: 443,
    ...more,
  });
  const deny = (more: object = {}): object => rule({ ruleAction: "deny", ...more });
  const acl = gone("aws:ec2/networkAcl:NetworkAcl", {}, "acl-1");

  it("that deny and go are told, and those that allow are not", () => {
    assert.deepEqual(said(gone(RULE, deny())), MORE);
    assert.deepEqual(said(gone(RULE, rule())), [], "the control");
    assert.deepEqual(said(gone(RULE, deny()), acl), [], "the control: with its list");
  });

  it("that allow and come are told, unless their list comes with them", () => {
    const list = made("aws:ec2/networkAcl:NetworkAcl", {});
    for (const action of ["allow", UNKNOWN]) {
      assert.deepEqual(said(made(RULE, rule({ ruleAction: action }))), MORE);
      assert.deepEqual(said(made(RULE, rule({ ruleAction: action, networkAclId: UNKNOWN }))), MORE);
      assert.deepEqual(said(made(RULE, rule({ ruleAction: action, networkAclId: UNKNOWN })), list), []);
    }
    assert.deepEqual(said(made(RULE, deny())), [], "the control");
  });

  it("that change are told when more comes through", () => {
    const other = {
      type: RULE,
      op: "same",
      name: "other",
      old: deny({ ruleNumber: 50 }),
      new: deny({ ruleNumber: 50 }),
    };
    for (const [before, after, ...more] of [
      [rule(), rule({ cidrBlock: "0.0.0.0/0" })],
      [rule(), rule({ cidrBlock: UNKNOWN })],
      [rule(), rule({ toPort: 8443 })],
      [rule(), rule({ ipv6CidrBlock: "::/0" })],
      [rule({ ipv6CidrBlock: "fd00::/8" }), rule({ ipv6CidrBlock: "::/0" })],
      [deny({ ipv6CidrBlock: "::/0" }), deny()],
      [rule(), rule({ protocol: "-1" })],
      [deny(), rule()],
      [deny(), rule({ ruleAction: UNKNOWN })],
      [deny(), deny({ cidrBlock: "10.1.0.0/16" })],
      [rule(), rule({ ruleNumber: 10 }), other],
      [rule({ protocol: "icmp", icmpType: 8 }), rule({ protocol: "icmp", icmpType: -1 })],
    ] as [object, object, ...Step[]][])
      assert.deepEqual(said(update(RULE, before, after), ...more), MORE, JSON.stringify(after));
    for (const [before, after, ...more] of [
      [rule(), rule({ cidrBlock: "10.1.0.0/16" })],
      [rule({ ipv6CidrBlock: "fd00::/8" }), rule({ ipv6CidrBlock: "fd00::/16" })],
      [rule({ ipv6CidrBlock: "fd00::/8" }), rule()],
      [rule(), rule({ ruleNumber: 10 })],
      [rule(), rule({ ruleNumber: 70 }), other],
      [rule({ protocol: "-1" }), rule()],
      [rule(), deny()],
      [deny(), deny({ cidrBlock: "0.0.0.0/0" })],
      [deny(), deny({ ruleNumber: 110 })],
    ] as [object, object, ...Step[]][])
      assert.deepEqual(said(update(RULE, before, after), ...more), [], `the control: ${JSON.stringify(after)}`);
  });
});

describe("a bucket's encryption", () => {
  const TYPE = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
  const by = (sseAlgorithm: string, kmsMasterKeyId?: string, more: object = {}): object => ({
    bucket: "b",
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm, kmsMasterKeyId }, ...more }],
  });
  const [NONE, OTHER] = [
    ["new objects are not encrypted with the stack's key"],
    ["new objects are encrypted with another key"],
  ];

  it("is told with another key, and without one, whatever else is not known", () => {
    const before = by("aws:kms", "arn:key/1");
    const kms = "aws:kms";
    assert.deepEqual(said(update(TYPE, before, by(kms))), NONE);
    assert.deepEqual(said(update(TYPE, before, by(kms, "arn:key/2"))), OTHER);
    assert.deepEqual(said(update(TYPE, before, by(kms, UNKNOWN))), OTHER);
    assert.deepEqual(said(update(TYPE, before, by("AES256", undefined, { bucketKeyEnabled: UNKNOWN }))), NONE);
    assert.deepEqual(said(update(TYPE, before, by(UNKNOWN, "arn:key/1"))), NONE);
    assert.deepEqual(said(update(TYPE, before, { bucket: "b", rules: UNKNOWN })), NONE);
    for (const [was, is] of [
      [before, by(kms, "1", { bucketKeyEnabled: UNKNOWN })],
      [by("AES256"), before],
      [by(kms), before],
    ])
      assert.deepEqual(said(update(TYPE, was ?? {}, is ?? {})), [], "the control");
  });
});
