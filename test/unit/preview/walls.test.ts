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
    assert.deepEqual(said(one), ["gives more: s3:GetObject"]);
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
    assert.deepEqual(said(list(["arn:a", UNKNOWN]), all), ["gives more: *", LATER]);
    assert.deepEqual(said(all, made(ATTACHMENT, { role: "r", policyArn: UNKNOWN })), [
      "gives more: *",
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
    for (const other of [{}, { threshold: 2 }, { alarmActions: [UNKNOWN] }])
      assert.deepEqual(said(gone(ALARM, alarm), made(ALARM, { ...alarm, ...other })), [], "the control");
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
