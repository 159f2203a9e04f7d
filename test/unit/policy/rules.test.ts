import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { readInputs } from "../../../infra/bootstrap/inputs.ts";
import { ROLES } from "../../../infra/bootstrap/names.ts";
import { deployerSubjects, previewSubjects, trustOf } from "../../../infra/bootstrap/trust.ts";
import * as types from "../../../policy/core/types.ts";
import { RULES } from "../../../policy/rules/index.ts";
import { ACCOUNT, type Limits } from "../../../preview/policy/settings.ts";
import { type Good, goodStack, type Props, said, worldOf } from "../../support/policy/stack.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const encoded = (text: string): string => gzipSync(text).toString("base64");
const noise = (bytes: number): string => {
  let [text, seed] = ["", 1];
  while (text.length < bytes) {
    seed = (seed * 48_271) % 2_147_483_647;
    text += seed.toString(36);
  }
  return text;
};
const allow = (more: object): string =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::a/*", ...more }] });

/** One property of a good stack that is changed, and what the rule says then. */
interface Case {
  readonly rule: string;
  /** Type of the one resource that is changed; its first, or the one of this name. */
  readonly type: string;
  readonly name?: string;
  readonly change: (resource: Good, stack: Good[]) => unknown;
  readonly says: RegExp;
  readonly limits?: Partial<Limits>;
}

const set =
  (...path: [...(string | number)[], unknown]) =>
  ({ props }: Good): void => {
    const [value, last, ...keys] = [...path].reverse() as [unknown, string | number, ...(string | number)[]];
    const at = keys.reverse().reduce<Props>((one, key) => one[key] as Props, props);
    at[last] = value;
  };
const gone = ({ urn }: Good, stack: Good[]): void =>
  void stack.splice(
    stack.findIndex((one) => one.urn === urn),
    1,
  );
const added =
  (type: string, props: Props) =>
  (_: Good, stack: Good[]): void =>
    void stack.push({ type, name: "new", urn: `urn::${type}::new`, parent: "", protect: true, props });
const { TEMPLATE, INSTANCE, VOLUME, GROUP, ROLE, ROLE_POLICY, LOG_GROUP, KEY } = types;

const ROOT = { AWS: "arn:aws:iam::123456789012:root" };

const CASES: readonly Case[] = [
  { rule: "alarms", type: types.ALARM, change: set("alarmActions", []), says: /no alarm does something/ },
  { rule: "alarms", type: types.ALARM, change: gone, says: /no alarm does something/ },
  { rule: "alarms", type: types.ALARM, change: set("actionsEnabled", false), says: /no alarm does something/ },
  { rule: "ami-pinned", type: TEMPLATE, change: set("imageId", "resolve:ssm:/aws/image"), says: /is no id/ },
  {
    rule: "ami-pinned",
    type: TEMPLATE,
    change: set("imageId", "ami-0123456789abcdef0"),
    says: /not the one of cloister:ami/,
  },
  { rule: "bucket-complete", type: types.BUCKET_BLOCK, change: gone, says: /has not a public access block/ },
  { rule: "bucket-complete", type: types.BUCKET_ENCRYPTION, change: gone, says: /has not an encryption/ },
  {
    rule: "bucket-encrypted",
    type: types.BUCKET_ENCRYPTION,
    change: set("rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm", "AES256"),
    says: /encrypts by AES256/,
  },
  {
    rule: "bucket-private",
    type: types.BUCKET_BLOCK,
    change: set("blockPublicPolicy", false),
    says: /blockPublicPolicy is not true/,
  },
  {
    rule: "bucket-tls",
    type: types.BUCKET_POLICY,
    change: set("policy", allow({ Principal: "*" })),
    says: /to everybody/,
  },
  { rule: "bucket-tls", type: types.BUCKET_POLICY, change: set("policy", '{"Statement":[]}'), says: /without TLS/ },
  {
    rule: "bucket-tls",
    type: types.BUCKET_POLICY,
    change: set(
      "policy",
      allow({
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Condition: { Bool: { "aws:SecureTransport": "false" }, StringEquals: { "aws:PrincipalTag/a": "b" } },
      }),
    ),
    says: /without TLS/,
  },
  {
    rule: "bucket-tls",
    type: types.BUCKET_POLICY,
    change: set("policy", allow({ NotPrincipal: { AWS: "arn:aws:iam::1:root" } })),
    says: /all but a few, by NotPrincipal/,
  },
  {
    rule: "bucket-tls",
    type: types.BUCKET_POLICY,
    change: set("policy", allow({ Effect: "Deny", Principal: "*", Action: "s3:*" })),
    says: /refuses everything to everybody/,
  },
  {
    rule: "key-closed",
    type: KEY,
    change: set("policy", allow({ Principal: { AWS: "*" }, Action: "kms:Decrypt" })),
    says: /to everybody/,
  },
  {
    rule: "key-closed",
    type: KEY,
    change: set("policy", allow({ NotPrincipal: { AWS: "arn:aws:iam::1:root" }, Action: "kms:*" })),
    says: /all but a few/,
  },
  {
    rule: "key-closed",
    type: KEY,
    change: set("policy", allow({ Principal: { AWS: "arn:aws:iam::1:role/a" }, Action: "kms:Decrypt" })),
    says: /lets nobody change it/,
  },
  ...(
    [
      [
        { Effect: "Allow", Principal: ROOT, Action: "kms:*" },
        { Effect: "Deny", Principal: "*", Action: "KMS:*" },
      ],
      [{ Effect: "Allow", Principal: { Service: "logs.amazonaws.com" }, Action: "kms:*" }],
      [
        { Effect: "Allow", Principal: ROOT, Action: "kms:*" },
        { Effect: "Deny", Principal: "*", NotAction: "kms:List*" },
      ],
      [
        { Effect: "Allow", Principal: ROOT, Action: "kms:*" },
        { Effect: "Deny", NotPrincipal: { AWS: "arn:aws:iam::123456789012:role/a" }, Action: "kms:*" },
      ],
    ] as const
  ).map((Statement) => ({
    rule: "key-closed",
    type: KEY,
    change: set("policy", JSON.stringify({ Statement })),
    says: /lets nobody change it/,
  })),
  ...[
    { Action: "S3:*", Principal: "*" },
    { NotAction: "s3:ListBucket", Principal: "*" },
    { Action: "s3:*", NotPrincipal: ROOT },
  ].map((more) => ({
    rule: "bucket-tls",
    type: types.BUCKET_POLICY,
    change: set("policy", JSON.stringify({ Statement: [{ Effect: "Deny", Resource: "*", ...more }] })),
    says: /refuses everything to everybody/,
  })),
  { rule: "budget", type: KEY, change: () => {}, says: /has no budget/, limits: { budgetRequired: true } },
  {
    rule: "budget",
    type: KEY,
    change: added(types.BUDGET, { limitAmount: "10" }),
    says: /nobody hears/,
    limits: { budgetRequired: true },
  },
  {
    rule: "data-protected",
    type: VOLUME,
    change: (one) => Object.assign(one, { protect: false }),
    says: /is not protected/,
  },
  { rule: "disk-encrypted", type: VOLUME, change: set("encrypted", false), says: /is not encrypted/ },
  { rule: "disk-encrypted", type: VOLUME, change: ({ props }) => delete props["kmsKeyId"], says: /with AWS's key/ },
  {
    rule: "disk-encrypted",
    type: TEMPLATE,
    change: set("blockDeviceMappings", 0, "ebs", "encrypted", "false"),
    says: /sda1 is not encrypted/,
  },
  { rule: "graviton", type: TEMPLATE, change: set("instanceType", "m7i.large"), says: /is no Graviton type/ },
  { rule: "graviton", type: TEMPLATE, change: set("instanceType", "c6g.large"), says: /lacks CPU features.*sha3/ },
  {
    rule: "graviton",
    type: GROUP,
    change: set("mixedInstancesPolicy", { launchTemplate: { overrides: [{ instanceType: "c7g.large" }] } }),
    says: /c7g.large lacks.*bti/,
  },
  {
    rule: "iam-no-wildcard",
    type: ROLE_POLICY,
    change: set("policy", allow({ Action: ["s3:*"] })),
    says: /allows s3:\*/,
  },
  {
    rule: "iam-no-wildcard",
    type: ROLE_POLICY,
    change: set("policy", allow({ Resource: "*" })),
    says: /s3:GetObject on everything/,
  },
  {
    rule: "iam-no-wildcard",
    type: ROLE_POLICY,
    change: set("policy", allow({ Resource: "arn:aws:s3:::*" })),
    says: /s3:GetObject on everything/,
  },
  {
    rule: "iam-no-wildcard",
    type: ROLE_POLICY,
    change: set("policy", allow({ NotAction: "iam:*" })),
    says: /by NotAction/,
  },
  {
    rule: "iam-no-wildcard",
    type: ROLE,
    change: set("inlinePolicies", [{ policy: allow({ Action: "*" }) }]),
    says: /allows \*/,
  },
  {
    rule: "iam-no-escalation",
    type: ROLE_POLICY,
    change: set("policy", allow({ Action: "iam:PassRole" })),
    says: /iam:PassRole/,
  },
  {
    rule: "iam-no-escalation",
    type: ROLE_POLICY,
    change: set("policy", allow({ Action: "IAM:putrolepolicy" })),
    says: /putrolepolicy/,
  },
  {
    rule: "iam-no-escalation",
    type: ROLE_POLICY,
    change: set("policy", allow({ Action: "kms:CreateGrant" })),
    says: /kms:CreateGrant/,
  },
  {
    rule: "iam-no-escalation",
    type: ROLE,
    change: set("managedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    says: /written elsewhere/,
  },
  {
    rule: "iam-trust",
    type: ROLE,
    change: set("assumeRolePolicy", allow({ Action: "sts:AssumeRole", Principal: { AWS: "*" } })),
    says: /trusts AWS \*/,
  },
  {
    rule: "iam-trust",
    type: ROLE,
    change: set("assumeRolePolicy", allow({ Principal: { Service: "lambda.amazonaws.com" } })),
    says: /lambda/,
  },
  {
    rule: "imds-hop-limit",
    type: TEMPLATE,
    change: set("metadataOptions", "httpPutResponseHopLimit", 2),
    says: /go 2 hops/,
  },
  {
    rule: "imds-v2",
    type: TEMPLATE,
    change: set("metadataOptions", "httpTokens", "optional"),
    says: /without a token/,
  },
  { rule: "key-rotates", type: KEY, change: set("enableKeyRotation", false), says: /does not rotate/ },
  { rule: "key-waits", type: KEY, change: set("deletionWindowInDays", 7), says: /7 days after.*wait 30/ },
  { rule: "known-type", type: KEY, change: added("aws:lambda/function:Function", {}), says: /lambda.*is not listed/ },
  {
    rule: "log-encrypted",
    type: LOG_GROUP,
    change: ({ props }) => delete props["kmsKeyId"],
    says: /no key of the stack/,
  },
  {
    rule: "log-retention",
    type: LOG_GROUP,
    change: set("retentionInDays", 7),
    says: /for 7 days, and should be for 30/,
  },
  { rule: "log-retention", type: LOG_GROUP, change: set("retentionInDays", 0), says: /for ever/ },
  {
    rule: "no-inbound-rule",
    type: types.SECURITY_GROUP,
    change: set("ingress", [{ fromPort: 22 }]),
    says: /lets something in/,
  },
  {
    rule: "no-inbound-rule",
    type: KEY,
    change: added(types.INGRESS, { cidrIpv4: "0.0.0.0/0", ipProtocol: "tcp", fromPort: 443, toPort: 443 }),
    says: /range of addresses/,
  },
  {
    rule: "no-inbound-rule",
    type: KEY,
    change: added(types.INGRESS, { referencedSecurityGroupId: "sg-1", ipProtocol: "tcp", fromPort: 22, toPort: 22 }),
    says: /more than HTTPS/,
  },
  {
    rule: "no-public-address",
    type: TEMPLATE,
    change: set("networkInterfaces", 0, "associatePublicIpAddress", "true"),
    says: /get a public address/,
  },
  {
    rule: "no-public-address",
    type: types.SUBNET,
    change: set("mapPublicIpOnLaunch", true),
    says: /gives public addresses/,
  },
  { rule: "no-public-address", type: types.EIP, change: set("instance", UNKNOWN), says: /is a machine's/ },
  { rule: "refresh", type: GROUP, change: ({ props }) => delete props["instanceRefresh"], says: /no instance refresh/ },
  {
    rule: "secret-encrypted",
    type: types.SECRET,
    change: ({ props }) => delete props["kmsKeyId"],
    says: /no key of the stack/,
  },
  { rule: "snapshots", type: types.SNAPSHOTS, change: gone, says: /no schedule/ },
  { rule: "snapshots", type: types.SNAPSHOTS, change: set("state", "DISABLED"), says: /no schedule/ },
  {
    rule: "snapshots",
    type: types.SNAPSHOTS,
    change: set("policyDetails", "schedules", 0, "retainRule", "count", 2),
    says: /2 snapshots .* 7 should be/,
  },
  { rule: "tags", type: VOLUME, change: ({ props }) => delete props["tags"], says: /no tag cloister:stack/ },
  { rule: "tags", type: GROUP, change: set("tags", 0, "value", "other"), says: /says other/ },
  { rule: "template-version", type: GROUP, change: set("launchTemplate", "version", "$Latest"), says: /is \$Latest/ },
  {
    rule: "template-version",
    type: INSTANCE,
    change: ({ props }) => delete (props["launchTemplate"] as Props)["version"],
    says: /is \$Default/,
  },
  {
    rule: "termination-protected",
    type: INSTANCE,
    change: set("disableApiTermination", false),
    says: /anybody may end/,
    limits: { terminationProtected: true },
  },
  {
    rule: "user-data-limit",
    type: TEMPLATE,
    change: set("userData", encoded(noise(30_000))),
    says: /and may have 16128/,
  },
  {
    rule: "user-data-secrets",
    type: TEMPLATE,
    change: set("userData", encoded("#cloud-config\n# AKIAIOSFODNN7EXAMPLE\n")),
    says: /looks like a credential/,
  },
  {
    rule: "user-data-secrets",
    type: INSTANCE,
    change: set("userDataBase64", encoded(`a ${Buffer.from(`x=ghp_${"a1".repeat(12)}`).toString("base64")}`)),
    says: /looks like a credential/,
  },
];

/** A property that the rule needs, when nobody knows it yet. */
const UNDECIDED: readonly (Pick<Case, "rule" | "type" | "change"> & { readonly path: string })[] = [
  { rule: "ami-pinned", type: TEMPLATE, change: set("imageId", UNKNOWN), path: "imageId" },
  { rule: "bucket-tls", type: types.BUCKET_POLICY, change: set("policy", UNKNOWN), path: "policy" },
  {
    rule: "disk-encrypted",
    type: VOLUME,
    change: set("encrypted", "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"),
    path: "encrypted",
  },
  { rule: "graviton", type: TEMPLATE, change: set("instanceType", UNKNOWN), path: "instanceType" },
  { rule: "key-closed", type: KEY, change: set("policy", UNKNOWN), path: "policy" },
  {
    rule: "iam-no-escalation",
    type: ROLE_POLICY,
    change: set("policy", `{"Statement":[{"Resource":"${UNKNOWN}"}]}`),
    path: "policy",
  },
  { rule: "iam-no-wildcard", type: ROLE_POLICY, change: set("policy", UNKNOWN), path: "policy" },
  {
    rule: "imds-v2",
    type: TEMPLATE,
    change: set("metadataOptions", "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"),
    path: "metadataOptions",
  },
  {
    rule: "log-retention",
    type: LOG_GROUP,
    change: set("retentionInDays", "3eeb2bf0-c639-47a8-9e75-3b44932eb421"),
    path: "retentionInDays",
  },
  {
    rule: "template-version",
    type: GROUP,
    change: set("launchTemplate", "version", UNKNOWN),
    path: "launchTemplate.version",
  },
  { rule: "user-data-secrets", type: TEMPLATE, change: set("userData", UNKNOWN), path: "userData" },
];

function changed({ type, name, change }: Pick<Case, "type" | "name" | "change">): Good[] {
  const stack = goodStack();
  const found = stack.find((one) => one.type === type && (name === undefined || one.name === name));
  assert.ok(found, `the recorded stack has a ${type}`);
  change(found, stack);
  return stack;
}

describe("the policy pack's rules", () => {
  it("are at least twenty, each with a name of its own, a reason, a remedy and a link", () => {
    assert.ok(RULES.length >= 20);
    assert.equal(new Set(RULES.map(({ name }) => name)).size, RULES.length);
    for (const { name, reason, remedy, link } of RULES) {
      assert.match(name, /^[a-z][a-z0-9-]+$/);
      assert.ok(reason.endsWith("."), `${name}: a sentence`);
      assert.ok(remedy.endsWith("."), `${name}: a sentence`);
      const page = link.replace(/#.*/, "");
      assert.ok(existsSync(new URL(`../../../${page}`, import.meta.url)), `${name}: there is no ${page}`);
    }
  });

  it("say nothing of a good stack, of which each rule looks at something", () => {
    for (const { name } of RULES) {
      const { findings, undecided, judgements } = said(name, goodStack(), worldOf());
      assert.deepEqual({ name, findings, undecided }, { name, findings: [], undecided: [] });
      // The stack has no budget.
      assert.ok(judgements.length > 0 || name === "budget", `${name} looks at nothing`);
    }
  });

  it("each have a case", () => {
    const tried = new Set([...CASES.map(({ rule }) => rule), "ami-age", "ami-owner"]);
    assert.deepEqual(
      RULES.map(({ name }) => name).filter((name) => !tried.has(name)),
      [],
    );
  });

  for (const one of CASES) {
    it(`${one.rule} finds: ${one.says.source}`, () => {
      const { findings } = said(one.rule, changed(one), worldOf(one.limits));
      assert.ok(
        findings.some((finding) => one.says.test(finding)),
        `found: ${findings.join(", ")}`,
      );
    });
  }

  for (const one of UNDECIDED) {
    it(`${one.rule} does not pass what it does not know: ${one.path}`, () => {
      const { undecided, findings } = said(one.rule, changed(one), worldOf());
      assert.deepEqual([undecided, findings], [[one.path], []]);
    });
  }

  it("find what is known beside what is not", () => {
    const stack = changed({
      type: TEMPLATE,
      change: ({ props }) => {
        const [first] = props["blockDeviceMappings"] as Props[];
        props["blockDeviceMappings"] = [
          { deviceName: "a", ebs: { encrypted: UNKNOWN } },
          { ...first, ebs: { encrypted: "false" } },
        ];
      },
    });
    const { findings, undecided } = said("disk-encrypted", stack, worldOf());
    assert.equal(undecided.length, 1);
    assert.match(findings.join(), /sda1 is not encrypted/);
  });

  it("close `*` by an account alone, and take every other kind of principal for an outsider", () => {
    const of = (rule: string, more: object, config: Record<string, string> = {}): string => {
      const type = rule === "key-closed" ? KEY : types.BUCKET_POLICY;
      const Statement = [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*", ...more }];
      const stack = changed({ type, change: set("policy", JSON.stringify({ Statement })) });
      const world = worldOf();
      return said(rule, stack, { ...world, config: { ...world.config, ...config } }).findings.join();
    };
    for (const rule of ["key-closed", "bucket-tls"]) {
      for (const Condition of [
        { Bool: { "aws:SecureTransport": "true" } },
        { StringLike: { "aws:PrincipalArn": "*" } },
        { DateGreaterThan: { "aws:CurrentTime": "2020-01-01T00:00:00Z" } },
        { StringLike: { "aws:PrincipalAccount": "*" } },
        { StringEquals: { "aws:PrincipalAccount": ["123456789012", "*"] } },
        { StringNotEquals: { "aws:PrincipalAccount": "123456789012" } },
        { StringEqualsIfExists: { "aws:SourceAccount": "123456789012" } },
        { ArnLike: { "aws:SourceArn": "arn:aws:s3:::*" } },
        { ArnLike: { "aws:SourceArn": "arn:aws:logs:*:*:log-group:a" } },
        { StringEquals: { "kms:ViaService": "ec2.eu-central-1.amazonaws.com" } },
      ])
        for (const Principal of ["*", { AWS: "*" }])
          assert.match(of(rule, { Principal, Condition }), /to everybody/, JSON.stringify(Condition));
      for (const Condition of [
        { StringEquals: { "aws:PrincipalAccount": "123456789012" } },
        { StringEquals: { "kms:calleraccount": "123456789012", "kms:ViaService": "ec2.eu-central-1.amazonaws.com" } },
        { StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } },
        { ArnLike: { "aws:SourceArn": "arn:aws:logs:*:123456789012:log-group:*" } },
      ]) {
        assert.doesNotMatch(of(rule, { Principal: "*", Condition }), /allows something/, JSON.stringify(Condition));
      }
      const other = { Principal: "*", Condition: { StringEquals: { "aws:PrincipalAccount": "210987654321" } } };
      assert.match(of(rule, other, { "cloister:accountId": "123456789012" }), /account 210987654321/);
      assert.match(of(rule, { Principal: { CanonicalUser: "79a5" } }), /to CanonicalUser 79a5/);
      assert.match(of(rule, { Principal: { Federated: "accounts.google.com" } }), /to Federated accounts/);
      assert.doesNotMatch(
        of(rule, { Principal: { Service: "logs.amazonaws.com" } }),
        /allows something/,
        "the control",
      );
    }
  });

  it("decide who keeps a key by its account, and without one by a root alone", () => {
    const of = (principal: string, config: Record<string, string> = {}): unknown[] => {
      const Statement = [{ Effect: "Allow", Principal: { AWS: principal }, NotAction: "kms:Decrypt" }];
      const stack = changed({ type: KEY, change: set("policy", JSON.stringify({ Statement })) });
      const world = worldOf();
      const { findings, undecided } = said("key-closed", stack, { ...world, config: { ...world.config, ...config } });
      return [findings, undecided];
    };
    const [root, role] = ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/a"];
    assert.deepEqual(of(root), [[], []]);
    assert.deepEqual(of(role), [[], ["policy"]]);
    for (const who of [root, role]) assert.deepEqual(of(who, { "cloister:accountId": "123456789012" }), [[], []]);
    assert.match(String(of(root, { "cloister:accountId": "210987654321" })), /lets nobody change it/);
  });

  it("take a role of the account for the forge's, by audience and subjects alone", () => {
    const provider = "arn:aws:iam::123456789012:oidc-provider/forge.example";
    const role = (condition: object, Action = "sts:AssumeRoleWithWebIdentity"): Good => {
      const statement = { Effect: "Allow", Action, Principal: { Federated: provider }, Condition: condition };
      const assumeRolePolicy = JSON.stringify({ Statement: [statement] });
      return { type: ROLE, name: "fleet", urn: "urn::fleet", parent: "", protect: false, props: { assumeRolePolicy } };
    };
    const aud = { "forge.example:aud": "sts.amazonaws.com" };
    const good = role({ StringEquals: { ...aud, "forge.example:sub": ["repo:ada/fleet:environment:dev"] } });
    const account = worldOf({}, { stack: ACCOUNT });
    const saidOf = (one: Good, world = account): string => said("iam-trust", [one], world).findings.join();
    assert.equal(saidOf(good), "");
    assert.match(saidOf(good, worldOf()), /trusts Federated/, "in a stack there is no such role");
    assert.match(saidOf(role({ StringEquals: aud })), /anybody at forge\.example/);
    const sub = { "forge.example:sub": "repo:ada/fleet:environment:dev" };
    assert.match(saidOf(role({ StringEquals: sub })), /any audience/);
    assert.match(saidOf(role({ StringEquals: { ...aud, ...sub } }, "sts:AssumeRole")), /otherwise than by a token/);
    for (const wide of ["*", "repo:ada/*", "repo:*:environment:dev", "project_path:*:ref_type:branch:ref:main"])
      assert.match(
        saidOf(role({ StringEquals: aud, StringLike: { "forge.example:sub": wide } })),
        /more than one repository/,
        wide,
      );
    const branches = "project_path:ada/fleet:ref_type:branch:ref:feature/*";
    const like = (sub: string, name?: string): Good => {
      const one = role({ StringEquals: aud, StringLike: { "forge.example:sub": sub } });
      return { ...one, props: { ...one.props, name } };
    };
    assert.equal(saidOf(like(branches, ROLES.preview)), "");
    for (const name of [ROLES.deployer, undefined]) assert.match(saidOf(like(branches, name)), /more than one branch/);
    for (const loose of ["repo:ada/fleet:*", "repo:ada/fleet:ref:refs/heads/*", "repo:ada/fleet:pull_request"])
      for (const name of [ROLES.deployer, ROLES.preview])
        assert.match(saidOf(like(loose, name)), /no one environment/, loose);
    for (const loose of ["repo:ada/fleet:environment:*", "repo:ada/fleet:environment:dev:ref:*"])
      assert.match(saidOf(like(loose, ROLES.deployer)), /no one environment/, loose);
  });

  it("compare the forge and the repository with what the account was made ready for", () => {
    for (const raw of [
      { forge: "github" },
      { forge: "gitlab", previewBranches: ["main", "feature/*"] },
      { forge: "gitlab", forgeHost: "gitlab.example.org" },
    ]) {
      const { inputs } = readInputs({
        accountId: "123456789012",
        region: "eu-central-1",
        bucket: "fleet-state",
        repository: "ada/fleet",
        ...raw,
      });
      assert.ok(inputs);
      const of = (name: string, trusts: object, made: object = inputs): string => {
        const world = worldOf({}, { stack: ACCOUNT, config: { "cloister-bootstrap:inputs": JSON.stringify(made) } });
        const props = { name, assumeRolePolicy: JSON.stringify(trusts) };
        const one = { type: ROLE, name, urn: `urn::${name}`, parent: "", protect: false, props };
        return said("iam-trust", [one], world).findings.join();
      };
      const deployer = trustOf(inputs, deployerSubjects(inputs));
      assert.equal(of(ROLES.deployer, deployer), "");
      assert.equal(of(ROLES.preview, trustOf(inputs, previewSubjects(inputs))), "");
      assert.match(of(ROLES.deployer, deployer, { ...inputs, repository: "ada/other" }), /another repository/);
      assert.match(of(ROLES.deployer, deployer, { ...inputs, forgeHost: "forge.example" }), /and not forge\.example/);
    }
    const service = allow({ Action: "sts:AssumeRole", Principal: { Service: "ec2.amazonaws.com" } });
    const one = {
      type: ROLE,
      name: "a",
      urn: "urn::a",
      parent: "",
      protect: false,
      props: { assumeRolePolicy: service },
    };
    assert.match(said("iam-trust", [one], worldOf({}, { stack: ACCOUNT })).findings.join(), /trusts Service ec2/);
    assert.deepEqual(said("iam-trust", [one], worldOf()).findings, [], "the control: a stack's");
  });

  it("take the image from the configuration: its owner, architecture, region and age", () => {
    const world = worldOf();
    const of = (more: object): typeof world => ({
      ...world,
      config: {
        ...world.config,
        "cloister:ami": JSON.stringify({ ...(JSON.parse(world.config["cloister:ami"] ?? "{}") as object), ...more }),
      },
    });
    const owner = (more: object): string => said("ami-owner", goodStack(), of(more)).findings.join();
    assert.match(owner({ owner: "123456789012" }), /123456789012's/);
    assert.match(owner({ architecture: "x86_64" }), /x86_64/);
    assert.match(owner({ region: "us-east-1" }), /us-east-1/);
    const age = (name: string): ReturnType<typeof said> => said("ami-age", goodStack(), of({ name }));
    assert.match(age("ubuntu-jammy-22.04-arm64-server-20250101").findings.join(), /396 days old, and may be 180/);
    assert.equal(age("my-image").undecided.length, 1);
    assert.match(said("ami-owner", goodStack(), { ...world, config: {} }).findings.join(), /is not set/);
  });
});
