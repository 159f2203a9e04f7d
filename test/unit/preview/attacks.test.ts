/** Changes that no recorded preview has, as a reviewer who has no time reads them: the first line, and what is not folded. */
import assert from "node:assert/strict";
import type { Inputs } from "../../../preview/change-set/build.ts";
import { documentSchema } from "../../../preview/change-set/document.ts";
import { collect } from "../../../preview/events/merge.ts";
import { requireRehearsed } from "../../../preview/forge/read.ts";
import { removedFile } from "../../../preview/removed.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { page } from "../../../preview/render/page.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { documentOfSteps, eventsOf, type Step, stateOf } from "../../support/preview/steps.ts";

const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
const VOLUME = "aws:ebs/volume:Volume";
const there: Step = { type: "aws:ec2/vpc:Vpc", op: "same", name: "vpc", id: "vpc-1", old: {}, new: {} };

const verdict = (steps: readonly Step[], more: Partial<Inputs> = {}): string =>
  verdictText(documentOfSteps(steps, more)).replace(/^\S+ dev · /, "");
const unfolded = (steps: readonly Step[], more: Partial<Inputs> = {}): string =>
  comment(documentOfSteps(steps, more)).text.replace(/<details>[\s\S]*?<\/details>/g, "");
const OLDER = { type: "ingress", securityGroupId: "sg-1", protocol: "tcp", fromPort: 1, toPort: 9 };
const V4 = { routeTableId: "r", destinationCidrBlock: "0.0.0.0/0", natGatewayId: "nat-1" };
const policy = (...actions: string[]): string =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] });

describe("changes that hide something", () => {
  const cases: readonly (readonly [what: string, first: RegExp, ...steps: Step[]])[] = [
    [
      "a type that is not known may hold data",
      /^deletes what may hold data: stuff$/,
      { type: "gcp:storage/bucket:Bucket", op: "delete", name: "stuff", old: {} },
    ],
    [
      "a type that holds none does not (control)",
      /^1 deleted · no data at risk$/,
      { type: "aws:ec2/eip:Eip", op: "delete", old: {} },
    ],
    [
      "snapshots that lie nearer reach less far back",
      /^keeps for a shorter time: snapshots$/,
      snapshots({ interval: 24, count: 7 }, { interval: 2, count: 7 }),
    ],
    [
      "and further (control)",
      /^1 updated · no data at risk$/,
      snapshots({ interval: 12, count: 7 }, { interval: 24, count: 7 }),
    ],
    ["versions that end", /^1 resource loses its protection$/, versioning("Enabled", "Suspended")],
    ["versions that begin (control)", /^1 updated · no data at risk$/, versioning("Suspended", "Enabled")],
    ["objects that go earlier", /^keeps for a shorter time: 1 bucket$/, rules(30, 7)],
    ["objects that go later (control)", /^1 updated · no data at risk$/, rules(7, 30)],
    ...(
      [
        [
          "objects that go by a date",
          { expiration: { days: 30 } },
          { expiration: { days: 30, date: "2026-12-01" } },
          true,
        ],
        [
          "fewer earlier versions that stay",
          { noncurrentVersionExpiration: { noncurrentDays: 30, newerNoncurrentVersions: 5 } },
          { noncurrentVersionExpiration: { noncurrentDays: 30, newerNoncurrentVersions: 1 } },
          true,
        ],
        [
          "more earlier versions that stay (control)",
          { noncurrentVersionExpiration: { noncurrentDays: 30, newerNoncurrentVersions: 1 } },
          { noncurrentVersionExpiration: { noncurrentDays: 30, newerNoncurrentVersions: 5 } },
          false,
        ],
      ] as const
    ).map(
      ([what, before, after, isLess]) =>
        [
          what,
          isLess ? /^keeps for a shorter time: 1 bucket$/ : /^1 updated · no data at risk$/,
          lifecycle([{ status: "Enabled", ...before }], [{ status: "Enabled", ...after }]),
        ] as const,
    ),
    [
      "one of two rules without ids",
      /^keeps for a shorter time: 1 bucket$/,
      lifecycle(
        [days(30), days(7)].map((expiration) => ({ status: "Enabled", expiration })),
        [days(7), days(7)].map((expiration) => ({ status: "Enabled", expiration })),
      ),
    ],
    [
      "rules for a bucket that had none",
      /^keeps for a shorter time: 1 bucket$/,
      { ...rules(0, 7), op: "create", old: undefined } as Step,
    ],
    [
      "a log that stays when it is deleted is not lost",
      /^leaves the log in the account, out of the stack: thing$/,
      { type: "aws:cloudwatch/logGroup:LogGroup", op: "delete", old: { skipDestroy: true } },
    ],
    [
      "a disk that is attached to nothing",
      /^leaves 1 disk without a machine$/,
      { type: VOLUME, op: "same", name: "one-session", id: "vol-1", old: { size: 1 }, new: { size: 1 } },
      { type: "aws:ec2/volumeAttachment:VolumeAttachment", op: "delete", old: { volumeId: "vol-1" } },
    ],
    [
      "a disk that grows, which has no way back",
      /^1 disk grown · no data at risk$/,
      { type: VOLUME, op: "update", name: "one-session", old: { size: 10 }, new: { size: 40 } },
    ],
    [
      "an import makes nothing",
      /^1 imported · no data at risk$/,
      { type: "aws:ec2/instance:Instance", op: "import", name: "one", new: {} },
      there,
    ],
    [
      "a secret that only the engine sees change, without paths",
      /^1 updated · no data at risk$/,
      { type: "test:index:Thing", op: "update", old: { token: secret }, new: { token: secret }, diffs: ["token"] },
    ],
  ];
  for (const [what, first, ...steps] of cases) it(what, () => assert.match(verdict(steps), first));

  const looser: (readonly [what: string, first: RegExp, said: string, ...steps: Step[]])[] = [
    [
      "a way in",
      /^opens the network · /,
      "lets tcp 22 in from 0.0.0.0/0",
      rule("Ingress", undefined, ["0.0.0.0/0", 22]),
      there,
    ],
    [
      "a wider way out",
      /^opens the network · /,
      "lets tcp 443 out to 0.0.0.0/0",
      rule("Egress", ["10.0.0.0/8", 443], ["0.0.0.0/0", 443]),
    ],
    ...(
      [
        ["IPv6 beside all of IPv4", "0.0.0.0/0", "::/0", { cidrIpv6: "::/0" }],
        ["a list beside a range", "10.0.0.0/8", "pl-1", { prefixListId: "pl-1" }],
      ] as const
    ).map(
      ([what, there, peer, to]) =>
        [
          `a way out to ${what}`,
          /^opens the network · /,
          `lets tcp 443 out to ${peer}`,
          { ...rule("Egress", [there, 443], [there, 443]), op: "same", name: "v4" } as Step,
          ruleTo("Egress", to),
        ] as const,
    ),
    [
      "a rule of the older form",
      /^opens the network · /,
      "lets tcp 1 to 9 in from ::/0",
      {
        type: "aws:ec2/securityGroupRule:SecurityGroupRule",
        op: "update",
        old: { ...OLDER, cidrBlocks: ["0.0.0.0/0"] },
        new: { ...OLDER, cidrBlocks: ["0.0.0.0/0"], ipv6CidrBlocks: ["::/0"] },
      },
    ],
    [
      "a rule within its group",
      /^opens the network · /,
      "lets everything out to 0.0.0.0/0",
      {
        type: "aws:ec2/securityGroup:SecurityGroup",
        op: "update",
        old: { egress: [] },
        new: { egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }] },
      },
    ],
    ...(
      [
        [
          "by another gateway",
          V4,
          { ...V4, natGatewayId: undefined, gatewayId: "igw-1" },
          "0.0.0.0/0 by an internet gateway",
        ],
        [
          "over IPv6",
          undefined,
          { routeTableId: "r", destinationIpv6CidrBlock: "::/0", egressOnlyGatewayId: "e" },
          "::/0",
        ],
        [
          "to a peer",
          undefined,
          { routeTableId: "r", destinationPrefixListId: "pl-1", vpcPeeringConnectionId: "p" },
          "pl-1",
        ],
      ] as const
    ).map(
      ([what, old, wanted, said]) =>
        [
          `a route ${what}`,
          /^opens the network · /,
          `a way out to ${said}`,
          { type: "aws:ec2/route:Route", op: old ? "update" : "create", old, new: wanted } as Step,
          there,
        ] as const,
    ),
    [
      "names that are not blocked any more",
      /^opens the network · /,
      "the DNS firewall no longer blocks names of one rule: ALERT",
      {
        type: "aws:route53/resolverFirewallRule:ResolverFirewallRule",
        op: "update",
        old: { action: "BLOCK" },
        new: { action: "ALERT" },
      },
    ],
    [
      "a public address of a machine",
      /opens the network/,
      "machines get a public address",
      {
        type: "aws:ec2/instance:Instance",
        op: "replace",
        old: { associatePublicIpAddress: false },
        new: { associatePublicIpAddress: true },
      },
    ],
    [
      "a log of refused connections alone",
      /^takes a guard away · /,
      "only some connections are logged: REJECT",
      { type: "aws:ec2/flowLog:FlowLog", op: "replace", old: { trafficType: "ALL" }, new: { trafficType: "REJECT" } },
    ],
    [
      "a name that resolves",
      /^opens the network · /,
      "more names resolve: *.com.",
      {
        type: "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
        op: "update",
        old: { domains: ["a.com."] },
        new: { domains: ["a.com.", "*.com."] },
      },
    ],
    [
      "no DNS firewall",
      /^opens the network · /,
      "the DNS firewall goes",
      {
        type: "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
        op: "delete",
        old: { vpcId: "vpc-1" },
      },
      there,
    ],
    [
      "a way to the internet",
      /^opens the network · /,
      "a way out to 0.0.0.0/0",
      {
        type: "aws:ec2/route:Route",
        op: "create",
        new: { routeTableId: "rtb-1", destinationCidrBlock: "0.0.0.0/0", gatewayId: "igw-1" },
      },
      there,
    ],
    [
      "all rights",
      /^gives more rights · /,
      "gives more: *",
      {
        type: "aws:iam/rolePolicy:RolePolicy",
        op: "update",
        old: { policy: policy("s3:GetObject") },
        new: { policy: policy("*") },
      },
    ],
    [
      "a policy of AWS on a role that is there",
      /^gives more rights · /,
      "has the policy arn:aws:iam::aws:policy/AdministratorAccess as well",
      {
        type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        op: "create",
        new: { role: "machine", policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
      },
      there,
    ],
    [
      "no boundary",
      /^gives more rights · /,
      "no boundary bounds it any more",
      { type: "aws:iam/role:Role", op: "update", old: { permissionsBoundary: "arn:x" }, new: {} },
    ],
    [
      "a key that is not rotated",
      /^takes a guard away · /,
      "the key is no longer rotated",
      { type: "aws:kms/key:Key", op: "update", old: { enableKeyRotation: true }, new: { enableKeyRotation: false } },
    ],
    [
      "no log of connections",
      /^takes a guard away · /,
      "connections are logged no longer",
      { type: "aws:ec2/flowLog:FlowLog", op: "delete", old: { vpcId: "vpc-1" } },
      there,
    ],
    [
      "a bucket that may be public",
      /^takes a guard away · /,
      "nothing keeps the bucket from being public",
      { type: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", op: "delete", old: { bucket: "b" } },
    ],
    [
      "nobody who is warned",
      /^takes a guard away · /,
      "nobody is warned of what it costs",
      { type: "aws:budgets/budget:Budget", op: "delete", old: {} },
      there,
    ],
  ];
  const [MAY, GUARD, NET] = [/^gives more rights · /, /^takes a guard away · /, /^opens the network · /];
  const update = (type: string, old: object, wanted: object): Step => ({ type, op: "update", old, new: wanted });
  const encrypted = (sseAlgorithm: string): object => ({
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm } }],
  });
  const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
  const DENY = JSON.stringify({ Statement: [{ Effect: "Deny", Action: "s3:*", Resource: "*", Principal: "*" }] });
  const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
  const [ROLE, SUBNET, BUDGET] = ["aws:iam/role:Role", "aws:ec2/subnet:Subnet", "aws:budgets/budget:Budget"];
  looser.push(
    ["a subnet that gives addresses", NET, "public address", update(SUBNET, {}, { mapPublicIpOnLaunch: true })],
    [
      "an access list that allows",
      NET,
      "the access list of a subnet allows more",
      { type: "aws:ec2/networkAclRule:NetworkAclRule", op: "create", new: { ruleAction: "allow" } },
      there,
    ],
    [
      "a DNS firewall that fails open",
      NET,
      "names resolve while",
      update("aws:route53/resolverFirewallConfig:ResolverFirewallConfig", {}, { firewallFailOpen: "ENABLED" }),
    ],
    [
      "a secret that everybody may read",
      MAY,
      "gives more: secretsmanager:GetSecretValue",
      {
        type: "aws:secretsmanager/secretPolicy:SecretPolicy",
        op: "create",
        new: { secretArn: "arn:s", policy: policy("secretsmanager:GetSecretValue") },
      },
      there,
    ],
    [
      "a role's list of policies",
      MAY,
      "has the policy arn:a as well",
      update(ROLE, {}, { managedPolicyArns: ["arn:a"] }),
    ],
    [
      "a policy within a role",
      MAY,
      "policies within the role are others",
      update(ROLE, {}, { inlinePolicies: [{ name: "x", policy: policy("*") }] }),
    ],
    [
      "an endpoint without its policy",
      MAY,
      "everything is allowed through it",
      update("aws:ec2/vpcEndpoint:VpcEndpoint", { policy: policy("s3:GetObject") }, {}),
    ],
    [
      "a bucket's policy that denied",
      MAY,
      "all that it denied",
      { type: "aws:s3/bucketPolicy:BucketPolicy", op: "delete", old: { bucket: "b", policy: DENY } },
    ],
    [
      "a snapshot that is shared",
      MAY,
      "another account may read a snapshot",
      { type: "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission", op: "create", new: {} },
      there,
    ],
    [
      "a bucket with S3's key in place of the stack's",
      GUARD,
      "new objects are not encrypted with the stack's key",
      update(ENCRYPTION, encrypted("aws:kms"), encrypted("AES256")),
    ],
    [
      "a machine that forwards",
      GUARD,
      "send and take what is another's",
      update("aws:ec2/instance:Instance", { sourceDestCheck: true }, { sourceDestCheck: false }),
    ],
    ["a budget that warns later", GUARD, "above 900", update(BUDGET, { limitAmount: "10" }, { limitAmount: "900" })],
    ["an alarm that tells nobody", GUARD, "tells nobody", update(ALARM, { alarmActions: ["t"] }, { alarmActions: [] })],
    [
      "an alarm that is off",
      GUARD,
      "tells nobody",
      update(ALARM, { alarmActions: ["t"] }, { alarmActions: ["t"], actionsEnabled: false }),
    ],
    [
      "an alarm that goes",
      GUARD,
      "the alarm goes",
      { type: ALARM, op: "delete", old: { dimensions: { InstanceId: "i-1" } } },
    ],
  );

  it("what watches and guards more than before is not looser, nor an alarm that goes with its machine (control)", () => {
    for (const steps of [
      [update(SUBNET, { mapPublicIpOnLaunch: true }, { mapPublicIpOnLaunch: false })],
      [update(ROLE, { managedPolicyArns: ["arn:a", "arn:b"] }, { managedPolicyArns: ["arn:b"] })],
      [update("aws:ec2/vpcEndpoint:VpcEndpoint", {}, { policy: policy("s3:GetObject") })],
      [update(ENCRYPTION, encrypted("AES256"), encrypted("aws:kms"))],
      [update(BUDGET, { limitAmount: "900" }, { limitAmount: "10" })],
      [update(ALARM, { alarmActions: [] }, { alarmActions: ["t"] })],
      [
        { type: ALARM, op: "delete", old: { dimensions: { InstanceId: "i-1" } } },
        { type: "aws:ec2/instance:Instance", op: "delete", name: "one", id: "i-1", old: {} },
      ],
    ] as Step[][])
      assert.doesNotMatch(verdict(steps), /gives more|takes a guard|opens the network/, JSON.stringify(steps));
  });

  it("a database that goes is no machine", () => {
    const first = verdict([{ type: "aws:rds/instance:Instance", op: "delete", old: {} }]);
    assert.match(first, /^deletes the database thing/);
    assert.doesNotMatch(first, /machine/);
  });

  for (const [what, first, said, ...steps] of looser)
    it(`looser: ${what}`, () => {
      assert.match(verdict(steps), first);
      assert.ok(unfolded(steps).includes(said), said);
    });

  it("narrower rules, a new stack, and what goes with its network are not looser (control)", () => {
    for (const steps of [
      [rule("Egress", ["0.0.0.0/0", 443], ["10.0.0.0/8", 443])],
      [rule("Ingress", undefined, ["0.0.0.0/0", 22])],
      [
        {
          ...ruleTo("Egress", { cidrIpv6: "fd00::/9" }),
          op: "update",
          old: ruleTo("Egress", { cidrIpv6: "::/0" }).new,
        },
      ],
      [
        {
          type: "aws:ec2/securityGroupRule:SecurityGroupRule",
          op: "update",
          old: { ...OLDER, cidrBlocks: ["10.0.0.0/8", "10.1.0.0/16"] },
          new: { ...OLDER, cidrBlocks: ["10.2.0.0/16"], description: "narrower" },
        },
      ],
      [{ type: "aws:ec2/route:Route", op: "update", old: V4, new: { ...V4, natGatewayId: "nat-2" } }],
      [
        {
          type: "aws:ec2/flowLog:FlowLog",
          op: "update",
          old: { trafficType: "ALL" },
          new: { trafficType: "ALL", tags: { a: "b" } },
        },
      ],
      [
        { type: "aws:ec2/flowLog:FlowLog", op: "delete", old: { vpcId: "vpc-1" } },
        { ...there, op: "delete", new: undefined } as Step,
      ],
      [
        {
          type: "aws:iam/rolePolicy:RolePolicy",
          op: "update",
          old: { policy: policy("*") },
          new: { policy: policy("s3:GetObject") },
        },
      ],
    ])
      assert.deepEqual(documentOfSteps(steps as Step[]).exposures, []);
  });

  it("a value that becomes a secret is shown on neither side", () => {
    const step: Step = {
      type: "aws:ec2/securityGroup:SecurityGroup",
      op: "update",
      old: { description: "hunter-in-clear" },
      new: { description: secret },
    };
    for (const text of [comment(documentOfSteps([step])).text, page(documentOfSteps([step]))])
      assert.ok(!text.includes("hunter"));
    const open = comment(documentOfSteps([{ ...step, new: { description: "other" } }])).text;
    assert.ok(open.includes("hunter-in-clear"), "the control");
  });

  it("a deploy that was broken off: nothing is approved before somebody has looked", () => {
    const pending_operations = [
      { type: "creating", resource: { urn: `urn:pulumi:dev::cloister::${VOLUME}::one-session` } },
    ];
    const document = documentOfSteps([there], { state: stateOf([there], { pending_operations }) });
    assert.equal(document.complete, false);
    assert.match(document.doubts[0] ?? "", /broken off.*creating Volume one-session.*refresh/);
    assert.equal(verdictText(document), "⚠️ dev · not to be approved · no change");
  });

  it("of a preview that was refused nothing happens, and it says so", () => {
    const steps: Step[] = [
      { type: VOLUME, op: "delete", name: "one-session", old: { size: 10 }, protect: [true, true] },
    ];
    const text = unfolded(steps, { collected: collect(eventsOf(steps, "failed")) });
    assert.match(text, /Nothing of this happens as it stands/);
    assert.match(text, /Would be deleted: 1/);
    assert.doesNotMatch(
      unfolded([{ ...steps[0], protect: [false, false] } as Step]),
      /Nothing of this happens|Would be/,
    );
  });

  it("what stays in the account is in no list of deletions", () => {
    const text = unfolded([
      { type: VOLUME, op: "delete", name: "one-session", old: { size: 10 }, retain: [true, true] },
    ]);
    assert.match(text, /Leaves the stack, and stays in the account: 1/);
    assert.doesNotMatch(text, /\*\*Deleted/);
  });

  it("a change of the program alone that costs is not said to cost nothing", () => {
    const disk = (type: string): Step => ({
      type: VOLUME,
      op: "update",
      old: { size: 10, type: "gp3" },
      new: { size: 10, type },
    });
    assert.deepEqual(documentOfSteps([disk("io2")]).cost?.delta, { least: null, most: null });
    const tag: Step = { type: VOLUME, op: "update", old: { size: 10 }, new: { size: 10, tags: { a: "b" } } };
    assert.deepEqual(documentOfSteps([tag]).cost?.delta, { least: 0, most: 0 }, "the control");
    const tags = {
      head: "config:\n  cloister:target: aws\n  cloister:region: eu-central-1\n  cloister:tags: { a: b }\n",
    };
    assert.deepEqual(documentOfSteps([disk("io2")], tags).cost?.delta, { least: null, most: null });
    assert.deepEqual(documentOfSteps([tag], tags).cost?.delta, { least: 0, most: 0 }, "the control");
    // One that goes for another of its kind costs the same.
    const moved = (more: object): Step[] => [
      { type: VOLUME, op: "delete", name: "a", old: { size: 10 } },
      { type: VOLUME, op: "create", name: "b", new: { size: 10, ...more } },
    ];
    assert.deepEqual(documentOfSteps(moved({}), tags).cost?.delta, { least: 0, most: 0 });
    assert.deepEqual(documentOfSteps(moved({ type: "io2" }), tags).cost?.delta, { least: null, most: null });
  });

  it("two machines that change their disks: each goes where its attachment says", () => {
    const disk = (name: string, id: string): Step => ({
      type: VOLUME,
      op: "same",
      name,
      id,
      old: { size: 1 },
      new: { size: 1 },
    });
    const attachment = (name: string, before: string, after: string): Step => ({
      type: "aws:ec2/volumeAttachment:VolumeAttachment",
      op: "replace",
      name,
      old: { volumeId: before },
      new: { volumeId: after },
      keys: ["volumeId"],
    });
    const { data } = documentOfSteps([
      disk("one-session", "vol-1"),
      disk("two-session", "vol-2"),
      attachment("one", "vol-1", "vol-2"),
      attachment("two", "vol-2", "vol-1"),
    ]);
    assert.deepEqual(data.map(({ name, why }) => `${name}: ${/comes to (\w+)/.exec(why)?.[1]}`).sort(), [
      "one-session: two",
      "two-session: one",
    ]);
  });

  it("names that would turn text around, or be Markdown, are text", () => {
    const name = "a`b|c <img src=x onerror=1> \u202eevil\u200b @all #1\n### x";
    const steps: Step[] = [{ type: VOLUME, op: "delete", name, old: { size: 10 } }];
    const { text } = comment(documentOfSteps(steps));
    assert.doesNotMatch(text, /[\u202e\u200b]|^### x/m);
    assert.ok(
      !page(documentOfSteps(steps))
        .replace(/"[^"]*"/g, "")
        .includes("<img"),
    );
  });

  it("a stack's file that is removed: the stack stays, and somebody is told", () => {
    const removed = (target: string, rehearsed = false) =>
      removedFile({
        stack: "dev",
        base: `config:\n  cloister:target: ${target}\n  cloister:region: eu-central-1\n`,
        ref: "abc1",
        run: { at: "2026-11-27T12:00:00.000Z" },
        rehearsed,
      });
    const document = removed("aws");
    assert.equal(document.complete, false);
    assert.match(
      comment(document).text,
      /stays in the account with all its data.*git checkout abc1 -- Pulumi\.dev\.yaml/,
    );
    assert.equal(documentSchema.safeParse(document).success, true);
    const local = comment(removed("local")).text;
    assert.match(local, /stays on its computer/);
    assert.doesNotMatch(local, /account with all/);
    // A run without credentials says so: its comment is refused else, and those of the stacks after it with it.
    assert.throws(() => requireRehearsed(document, "change.json"), /without credentials cannot know/);
    requireRehearsed(removed("aws", true), "change.json");
  });

  it("two thousand renamed machines take seconds, and are all seen", function () {
    this.timeout(60_000);
    const machine = (name: string): string =>
      `urn:pulumi:dev::cloister::cloister:aws:Target$cloister:aws:NamedMachine::${name}`;
    const steps = Array.from({ length: 2000 }, (_, i): Step[] => [
      {
        type: VOLUME,
        op: "delete",
        name: `old${i}-session`,
        parent: machine(`old${i}`),
        id: `vol-${i}`,
        old: { size: 10 },
      },
      { type: VOLUME, op: "create", name: `new${i}-session`, parent: machine(`new${i}`), new: { size: 10 } },
    ]).flat();
    const startedAt = performance.now();
    const document = documentOfSteps(steps);
    const { text, level } = comment(document);
    assert.ok(performance.now() - startedAt < 30_000);
    assert.equal(document.renames.length, 2000);
    assert.equal(new Set(document.renames.map(({ to }) => to)).size, 2000);
    assert.ok(Buffer.byteLength(text) <= 60_000, String(level));
  });
});

function snapshots(before: { interval: number; count: number }, after: { interval: number; count: number }): Step {
  const inputs = ({ interval, count }: typeof before) => ({
    policyDetails: { schedules: [{ createRule: { interval }, retainRule: { count } }] },
  });
  return { type: "aws:dlm/lifecyclePolicy:LifecyclePolicy", op: "update", old: inputs(before), new: inputs(after) };
}

function versioning(before: string, after: string): Step {
  const inputs = (status: string) => ({ bucket: "b", versioningConfiguration: { status } });
  return { type: "aws:s3/bucketVersioning:BucketVersioning", op: "update", old: inputs(before), new: inputs(after) };
}

function days(count: number) {
  return { days: count };
}
function lifecycle(before: readonly object[], after: readonly object[]): Step {
  const type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
  return { type, op: "update", old: { bucket: "b", rules: before }, new: { bucket: "b", rules: after } };
}
function rules(before: number, after: number): Step {
  const inputs = (days: number) => ({ bucket: "b", rules: [{ id: "x", status: "Enabled", expiration: { days } }] });
  const type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
  return { type, op: "update", old: inputs(before), new: inputs(after) };
}

function ruleTo(way: "Ingress" | "Egress", peer: object): Step {
  const { type, new: wanted } = rule(way, undefined, ["", 443]);
  return { type, op: "create", new: { ...wanted, cidrIpv4: undefined, ...peer } };
}
function rule(way: "Ingress" | "Egress", before: [string, number] | undefined, after: [string, number]): Step {
  const inputs = ([cidrIpv4, port]: [string, number]) => ({
    cidrIpv4,
    ipProtocol: "tcp",
    fromPort: port,
    toPort: port,
    securityGroupId: "sg-1",
  });
  return {
    type: `aws:vpc/securityGroup${way}Rule:SecurityGroup${way}Rule`,
    op: before ? "update" : "create",
    ...(before ? { old: inputs(before) } : {}),
    new: inputs(after),
  };
}
