/** Changes of which nobody had thought before: each was made with the real engine, and its comment read. */
import assert from "node:assert/strict";
import { documentSchema } from "../../../preview/change-set/document.ts";
import { unreadableFile } from "../../../preview/removed.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { documentOfSteps, type Step } from "../../support/preview/steps.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const CONFIG = "config:\n  cloister:target: aws\n  cloister:region: eu-central-1\n";
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
const [VOLUME, INSTANCE, GROUP] = ["aws:ebs/volume:Volume", "aws:ec2/instance:Instance", "aws:autoscaling/group:Group"];
const [SCHEDULE, KEY] = ["aws:autoscaling/schedule:Schedule", "aws:kms/key:Key"];
const ofMachine = "urn:pulumi:dev::cloister::cloister:aws:Target$cloister:aws:NamedMachine::one";
const ofPool = "urn:pulumi:dev::cloister::cloister:aws:Target$cloister:aws:Pool::small";
const machine: Step = { type: INSTANCE, op: "same", name: "one", id: "i-1", parent: ofMachine, old: {}, new: {} };
const provider = (before: object, after: object, op = "update"): Step => ({
  type: "pulumi:providers:aws",
  op,
  name: "aws",
  old: before,
  new: after,
});
const first = (...args: Parameters<typeof documentOfSteps>): string =>
  verdictText(documentOfSteps(...args)).replace(/^\S+ dev · /, "");
const text = (...args: Parameters<typeof documentOfSteps>): string => comment(documentOfSteps(...args)).text;

describe("a stack that moves to another region", () => {
  const before = "arn:aws:logs:eu-central-1:1:*";
  const after = "arn:aws:logs:eu-west-1:1:*";
  const policy = (Resource: string, Action = "kms:Decrypt"): string =>
    JSON.stringify({ Statement: [{ Effect: "Allow", Principal: "*", Action, Resource }] });
  const key = (wanted: string): Step => ({
    type: KEY,
    op: "replace",
    keys: ["provider"],
    old: { policy: policy(before) },
    new: { policy: wanted },
  });
  const moved = provider({ region: "eu-central-1" }, { region: "eu-west-1" });
  const more = { head: CONFIG.replace("eu-central-1", "eu-west-1") };

  it("is told so, after the data, and names of regions are no wider rights", () => {
    assert.match(
      first([moved, key(policy(after))], more),
      /^deletes the key thing · makes everything anew in eu-west-1/,
    );
    assert.deepEqual(documentOfSteps([moved, key(policy(after))], more).iam, []);
    assert.match(first([moved, key(policy(after, "kms:*"))], more), /gives more rights/, "the control");
    assert.match(first([key(policy(after))]), /gives more rights/, "the control: it stays where it is");
  });
});

describe("pools", () => {
  const schedule = (op: string, before?: object, after?: object): Step => ({
    type: SCHEDULE,
    op,
    name: "small-night",
    parent: ofPool,
    old: before,
    new: after,
  });
  const size = (desiredCapacity: number, recurrence = "0 20 * * *"): object => ({
    minSize: 0,
    maxSize: 4,
    desiredCapacity,
    recurrence,
  });

  it("on another schedule are told, and where it asks for fewer machines their disks as well", () => {
    const less = documentOfSteps([machine, schedule("replace", size(3), size(1))]);
    assert.match(verdictText(less), /1 pool made smaller by a schedule · no data at risk but on disks of the pool/);
    assert.equal(
      less.machines[0]?.note,
      "The schedule night: 1 (0 to 4), instead of 3 (0 to 4). Machines above that end then, and their session disks are deleted.",
    );
    assert.match(first([machine, schedule("create", undefined, size(0))]), /made smaller by a schedule/);
    for (const step of [
      schedule("replace", size(1), size(3)),
      schedule("delete", size(1)),
      schedule("replace", size(1), size(1, "0 21 * * *")),
    ])
      assert.match(first([machine, step]), /^1 pool on another schedule · no data at risk$/, "the control");
  });

  it("that are resized as well hide no schedule that ends machines", () => {
    const group = (before: number, after: number): Step => ({
      ...{ type: GROUP, op: "update", name: "small", parent: ofPool },
      old: { minSize: 1, maxSize: before },
      new: { minSize: 1, maxSize: after },
    });
    const ends = schedule("create", undefined, size(0));
    for (const steps of [
      [machine, group(4, 5), ends],
      [ends, group(4, 5), machine],
    ])
      assert.equal(
        first(steps),
        "1 pool resized, 1 pool made smaller by a schedule · no data at risk but on disks of the pool",
      );
    assert.match(first([machine, group(4, 5)]), /^1 pool resized · no data at risk$/, "the control");
    assert.match(first([machine, group(5, 4), ends]), /^1 pool made smaller · no data at risk but/, "told already");
    const made: Step = { ...group(4, 5), op: "create", old: undefined };
    assert.match(first([machine, made, ends]), /^1 pool created · no data at risk$/, "all of it is new");
    // A pool of more than 500 machines: one group comes, and the other's machines end by the schedule.
    const second: Step = { ...made, name: "small-2" };
    assert.match(first([machine, group(4, 5), second, ends]), /made smaller by a schedule/);
  });

  it("that are made anew do not roll: their machines end", () => {
    const group = (op: string): Step => ({
      type: GROUP,
      op,
      name: "small",
      parent: ofPool,
      keys: op === "replace" ? ["provider"] : [],
      old: { minSize: 1, maxSize: 2, launchTemplate: { version: "1" } },
      new: { minSize: 1, maxSize: 2, launchTemplate: { version: "2" } },
    });
    assert.match(first([group("replace")]), /^1 pool replaced · no data at risk but on disks of the pool/);
    assert.match(first([group("update")]), /^1 pool rolling/, "the control");
  });

  it("whose name changes are told what a rename of them means, though no data is at risk", () => {
    const group = (op: string, name: string, side: "old" | "new"): Step => ({
      type: GROUP,
      op,
      name,
      parent: ofPool.replace(/small$/, name),
      [side]: { minSize: 0, maxSize: 2 },
    });
    const said = text([group("delete", "small", "old"), group("create", "tiny", "new")]);
    assert.match(said, /looks like `small` renamed/);
    assert.match(said, /A pool keeps nothing that the new one could take over/);
  });

  it("take their hooks along, whatever the program keeps", () => {
    const hook: Step = {
      type: "aws:autoscaling/lifecycleHook:LifecycleHook",
      op: "delete",
      parent: ofPool,
      old: {},
      retain: [true, true],
    };
    const group: Step = { type: GROUP, op: "delete", name: "small", parent: ofPool, old: {} };
    assert.match(text([group, hook]), /\*\*Deleted: 2\*\*/);
    assert.match(text([hook]), /stays in the account: 1/, "the control");
  });
});

describe("data that is gone, or that nobody reads", () => {
  const disk: Step = { type: VOLUME, op: "create", name: "one-session", parent: ofMachine, new: { size: 10 } };

  it("a machine whose disk somebody deleted gets an empty one", () => {
    assert.match(first([machine, disk]), /^gives 1 machine an empty disk: its own is gone already$/);
    assert.match(text([machine, disk]), /Gone already: 1/);
    const old: Step = { ...disk, op: "delete", name: "one-data", id: "vol-1", old: { size: 10 }, new: undefined };
    assert.match(first([machine, disk, old]), /^deletes the disk one-data/, "the control: it goes now");
    assert.doesNotMatch(first([{ ...machine, op: "create", old: undefined }, disk]), /empty disk/, "the control");
  });

  const bucketPolicy = (Condition?: object): object => ({
    bucket: "b",
    policy: JSON.stringify({
      Statement: [
        { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*", ...(Condition ? { Condition } : {}) },
      ],
    }),
  });
  const tls = { Bool: { "aws:SecureTransport": "false" } };

  it("a bucket whose policy denies everything to everybody", () => {
    const step: Step = {
      type: "aws:s3/bucketPolicy:BucketPolicy",
      op: "update",
      old: bucketPolicy(tls),
      new: bucketPolicy(),
    };
    assert.match(first([step]), /^locks 1 bucket for everybody$/);
    assert.doesNotMatch(first([{ ...step, old: bucketPolicy(), new: bucketPolicy(tls) }]), /locks/, "the control");
    for (const statement of [
      { Effect: "Deny", Principal: "*", Action: "S3:*" },
      { Effect: "Deny", Principal: "*", NotAction: "s3:ListBucket" },
      { Effect: "Deny", NotPrincipal: { AWS: "arn:aws:iam::123456789012:role/a" }, Action: "s3:*" },
      { Effect: "Deny", Principal: { AWS: "*" }, Action: "s3:putbucketpolicy" },
    ]) {
      const locking = JSON.stringify({ Statement: [{ ...statement, Resource: "*" }] });
      const changed = { ...step, new: { ...bucketPolicy(), policy: locking } };
      assert.match(first([changed]), /^locks 1 bucket for everybody/, locking);
    }
  });

  it("a key that is off, or that nobody may change", () => {
    const policy = (Action: string): object => ({
      policy: JSON.stringify({
        Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::123456789012:root" }, Action, Resource: "*" }],
      }),
    });
    const change = (old: object, wanted: object): string => first([{ type: KEY, op: "update", old, new: wanted }]);
    assert.match(change({}, { isEnabled: false }), /^locks 1 key for everybody/);
    assert.match(change(policy("kms:*"), policy("kms:Decrypt")), /^locks 1 key/);
    assert.doesNotMatch(change(policy("kms:*"), policy("kms:PutKeyPolicy")), /locks/, "the control");
    assert.doesNotMatch(change(policy("kms:*"), { policy: UNKNOWN }), /locks/, "the control");
    const root = { AWS: "arn:aws:iam::123456789012:root" };
    const all = { Effect: "Allow", Principal: root, Action: "kms:*", Resource: "*" };
    const to = (...Statement: object[]): string => change(policy("kms:*"), { policy: JSON.stringify({ Statement }) });
    for (const statements of [
      [all, { Effect: "Deny", Principal: "*", Action: "kms:*" }],
      [all, { Effect: "Deny", Principal: { AWS: "*" }, Action: "KMS:putkeypolicy" }],
      [all, { Effect: "Deny", Principal: "*", NotAction: "kms:Decrypt" }],
      [all, { Effect: "Deny", NotPrincipal: { AWS: "arn:aws:iam::123456789012:role/a" }, Action: "kms:*" }],
      [{ ...all, Principal: { Service: "logs.amazonaws.com" } }],
      [{ ...all, Principal: { AWS: "arn:aws:iam::210987654321:root" } }],
      [{ Effect: "Allow", Principal: root, NotAction: "kms:Put*" }],
    ])
      assert.match(to(...statements), /^locks 1 key/, JSON.stringify(statements));
    for (const statements of [
      [{ ...all, Action: "KMS:*" }],
      [{ Effect: "Allow", Principal: root, NotAction: "kms:Decrypt" }],
      [all, { Effect: "Deny", Principal: "*", Action: "kms:*", Condition: { Bool: { a: "true" } } }],
      [all, { Effect: "Deny", Principal: "*", NotAction: "kms:*" }],
    ])
      assert.doesNotMatch(to(...statements), /locks/, `the control: ${JSON.stringify(statements)}`);
    // A key that is made without a policy has AWS's, which leaves it to its account.
    assert.match(
      change({}, { policy: JSON.stringify({ Statement: [{ ...all, Action: "kms:Decrypt" }] }) }),
      /^locks 1 key/,
    );
  });
});

describe("secrets that are none any more", () => {
  it("are all named, however many there are", () => {
    const names = Array.from({ length: 9 }, (_, i) => `thing-${i}`);
    const steps = names.map(
      (name): Step => ({ type: "test:index:Thing", op: "update", name, old: { token: SECRET }, new: { token: "a" } }),
    );
    const row = /^\| token was a secret.*$/m.exec(text(steps))?.[0] ?? "";
    for (const name of names) assert.ok(row.includes(name), row);
  });

  it("are told of the configuration, and of a resource", () => {
    const hidden = `${CONFIG}  cloister:hostname: { secure: v1:aaaa }\n`;
    const plain = `${CONFIG}  cloister:hostname: hunter\n`;
    const said = text([machine], { base: hidden, head: plain });
    assert.match(said, /writes a secret in clear/);
    assert.doesNotMatch(said, /hunter/);
    assert.doesNotMatch(text([machine], { base: plain, head: hidden }), /in clear/, "the control");
    assert.doesNotMatch(text([machine], { base: hidden, head: CONFIG }), /in clear/, "the control: it goes");
    const step: Step = { type: "test:index:Thing", op: "update", old: { token: SECRET }, new: { token: "hunter" } };
    assert.match(first([step]), /^writes a secret in clear/);
    const env = (before: object | unknown[], after: object | unknown[]): string =>
      first([{ ...step, old: { env: before }, new: { env: after } }]);
    for (const [before, after, path] of [
      [{ A: SECRET, B: SECRET }, { A: "clear", B: SECRET }, "env.A"],
      [{ A: SECRET, B: SECRET }, { C: "clear", B: SECRET }, "env"],
      [[SECRET, SECRET], ["clear", SECRET], "env[0]"],
      [[SECRET, SECRET], [SECRET, "x", SECRET], "env[1]"],
      [["a", SECRET], ["clear"], "env"],
      [{ a: [{ v: SECRET }, { v: SECRET }] }, { a: [{ v: SECRET }, { v: "clear" }] }, "env.a[1].v"],
      [SECRET, { A: SECRET, B: "clear" }, "env"],
      [{ A: SECRET, B: SECRET }, { A: "clear", B: UNKNOWN }, "env.A"],
    ] as const) {
      assert.match(env(before, after), /^writes a secret in clear/, JSON.stringify(after));
      const said = text([{ ...step, old: { env: before }, new: { env: after } }]);
      assert.ok(said.includes(`${path} was a secret, and is in the state in clear`), said);
    }
    for (const [before, after] of [
      [{ A: SECRET, B: SECRET }, { B: SECRET }],
      [
        { A: SECRET, B: SECRET },
        { A: SECRET, B: SECRET, C: "new" },
      ],
      [
        { A: SECRET, B: "b" },
        { A: SECRET, B: "c" },
      ],
      [{ A: SECRET }, { A: UNKNOWN }],
      [[SECRET, "a"], ["a"]],
      [
        [SECRET, "a"],
        ["a", SECRET],
      ],
      [[SECRET], [SECRET, "b"]],
    ])
      assert.doesNotMatch(env(before as object, after as object), /in clear/, `the control: ${JSON.stringify(after)}`);
    assert.doesNotMatch(first([{ ...step, old: { token: "a" }, new: { token: SECRET } }]), /in clear/, "the control");
  });
});

describe("another version of a provider", () => {
  it("is told, though the engine calls it the same", () => {
    const [was, is] = [{ version: "7.48.0" }, { version: "7.99.0" }];
    assert.match(first([machine, provider(was, is, "same")]), /^another version of the provider aws · 1 updated/);
    assert.match(text([machine, provider(was, is, "same")]), /version: 7\.48\.0 → 7\.99\.0/);
    assert.match(first([machine, provider(was, was, "same")]), /^no change$/, "the control");
    const digests = [is, was].map((one) => documentOfSteps([machine, provider(was, one, "same")]).digest);
    assert.notEqual(digests[0], digests[1]);
  });
});

describe("tags that a provider gives to all", () => {
  it("are told of each resource, with the provider as the cause", () => {
    const old = { tags: { a: "b" } };
    const step: Step = {
      type: VOLUME,
      op: "update",
      name: "one-session",
      old,
      new: old,
      diffs: ["tagsAll"],
      detailedDiff: { "tagsAll.owner": { diffKind: "add" } },
    };
    const tagged = provider({}, { defaultTags: { tags: { owner: "@all" } } });
    const said = text([tagged, step]);
    assert.match(said, /^### 🔧 cloister `dev` · 2 updated · no data at risk$/m);
    assert.match(said, /\| Volume `one-session` \| `tagsAll\.owner` of `Provider aws` \|/);
    assert.match(said, /~ tagsAll\.owner: \(none\) → \(known after the deploy\)/);
    assert.doesNotMatch(text([step]), /of `Provider aws`/, "the control");
  });
});

describe("a stack's file that cannot be read", () => {
  const about = { stack: "dev", base: CONFIG, run: { at: "2026-11-27T12:00:00.000Z" }, rehearsed: false };
  const head = "config:\n  cloister:hostname: [hunter\n: : :\n";

  it("is a failed preview that says where, and nothing of the file", () => {
    const document = unreadableFile({ ...about, head });
    assert.equal(document.complete, false);
    assert.equal(verdictText(document), "❌ dev · the preview failed");
    const said = comment(document).text;
    assert.match(said, /Pulumi\.dev\.yaml cannot be read: the stack's configuration is no YAML: line 3, column 1/);
    assert.doesNotMatch(said, /hunter|Configuration:|the engine was killed/);
    assert.equal(documentSchema.safeParse(document).success, true);
    assert.match(comment(unreadableFile({ ...about, head: "- a\n" })).text, /no YAML of keys and values/);
    assert.doesNotMatch(comment(unreadableFile({ ...about, head: "config: { a: *hunter }\n" })).text, /hunter/);
  });

  it("of the base stops no change that mends it", () => {
    const document = documentOfSteps([machine], { base: head });
    assert.deepEqual([document.complete, document.doubts, document.config], [true, [], []]);
    assert.match(comment(document).text, /the base cannot be compared/);
    assert.equal(documentOfSteps([machine], { head }).complete, false, "the control");
  });
});

describe("a network's own range", () => {
  const vpc = (op: string): Step => ({
    type: "aws:ec2/vpc:Vpc",
    op,
    name: "vpc",
    id: "vpc-1",
    old: { cidrBlock: "10.20.0.0/20" },
    new: { cidrBlock: "10.30.0.0/20" },
  });
  const rule = (cidr: string): Step => ({
    type: "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    op: "replace",
    old: { securityGroupId: "sg-1", ipProtocol: "udp", fromPort: 53, toPort: 53, cidrIpv4: "10.20.0.0/20" },
    new: { securityGroupId: UNKNOWN, ipProtocol: "udp", fromPort: 53, toPort: 53, cidrIpv4: cidr },
  });

  const group = (vpcId: string): Step => ({
    type: "aws:ec2/securityGroup:SecurityGroup",
    op: "replace",
    name: "group",
    id: "sg-1",
    old: { vpcId },
    new: { vpcId: UNKNOWN },
  });

  it("that moves takes the rules to it along", () => {
    assert.doesNotMatch(first([vpc("replace"), group("vpc-1"), rule("10.30.0.0/20")]), /opens the network/);
    assert.match(first([vpc("replace"), group("vpc-1"), rule("10.30.0.0/16")]), /opens the network/, "wider");
    assert.match(first([vpc("same"), group("vpc-1"), rule("10.30.0.0/20")]), /opens the network/, "it stays");
  });

  it("that gets wider, and another network's, are told", () => {
    assert.match(first([vpc("replace"), group("vpc-2"), rule("10.30.0.0/20")]), /opens the network/);
    const wider: Step = { ...vpc("replace"), new: { cidrBlock: "10.0.0.0/8" } };
    assert.match(first([wider, group("vpc-1"), rule("10.0.0.0/8")]), /opens the network/);
    const narrower: Step = { ...vpc("replace"), new: { cidrBlock: "10.30.0.0/24" } };
    assert.doesNotMatch(first([narrower, group("vpc-1"), rule("10.30.0.0/24")]), /opens the network/, "the control");
  });

  it("and another's in its place is told: its firewall goes, and its ways are not known", () => {
    const association: Step = {
      type: "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
      op: "delete",
      old: { vpcId: "vpc-1" },
    };
    const leaves: Step[] = [{ ...vpc("delete"), new: undefined }, association];
    const said = text([machine, ...leaves]);
    assert.match(said, /the DNS firewall goes: all names resolve/);
    assert.match(said, /a network that is not the stack's/);
    assert.deepEqual(documentOfSteps(leaves).exposures, [], "the control: no machine stays");
  });
});

describe("a configuration that the program refuses", () => {
  it("costs what nobody knows", async () => {
    const { collect } = await import("../../../preview/events/merge.ts");
    const { eventsOf } = await import("../../support/preview/steps.ts");
    const head = `${CONFIG}  cloister:machines: { one: {} }\n`;
    const of = (result: string) =>
      documentOfSteps([machine], { head, collected: collect(eventsOf([machine], result)) });
    assert.equal(of("failed").cost, null);
    assert.ok((of("succeeded").cost?.after.most ?? 0) > 0, "the control");
  });
});
