import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { boundaryPolicy } from "../../../../infra/aws/access/boundary-policy.ts";
import { KNOWN_TYPES, managedPolicies } from "../../../../infra/aws/access/deployer-policy.ts";
import { operatorPolicy } from "../../../../infra/aws/access/operator-policy.ts";
import { previewPolicy } from "../../../../infra/aws/access/preview-policy.ts";
import { type RawInputs, readInputs } from "../../../../infra/bootstrap/inputs.ts";
import { accountDeployerPolicy, stateBucketStatements, stateKeyPolicy } from "../../../../infra/bootstrap/state.ts";
import { deployerSubjects, previewSubjects, trustOf } from "../../../../infra/bootstrap/trust.ts";
import { judge } from "../../../../policy/core/judge.ts";
import { POLICY, ROLE } from "../../../../policy/core/types.ts";
import { Value } from "../../../../policy/core/value.ts";
import { RULES } from "../../../../policy/rules/index.ts";
import { allowed, LEFT_TO_IAM } from "../../../../rehearsal/permissions.ts";
import { worldOf } from "../../../support/policy/stack.ts";

const GOOD: RawInputs = {
  accountId: "123456789012",
  region: "eu-central-1",
  bucket: "fleet-state",
  repository: "ada/fleet",
};
const inputs = (more: RawInputs = {}) => {
  const read = readInputs({ ...GOOD, ...more });
  assert.ok(read.inputs, JSON.stringify(read));
  return read.inputs;
};
const refused = (raw: RawInputs): string[] => {
  const read = readInputs(raw);
  return read.inputs === undefined ? read.problems.map(({ path, message }) => `${path} ${message}`) : [];
};

const BUCKET_ARN = "arn:aws:s3:::fleet-state";
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";
const at = {
  stateBucket: "fleet-state",
  stateKey: KEY,
  boundary: "arn:aws:iam::123456789012:policy/cloister-boundary",
};

describe("the inputs of cloister bootstrap", () => {
  it("have defaults, and each forge's own", () => {
    const github = inputs();
    assert.deepEqual(github.environments, ["dev", "staging", "prod"]);
    assert.equal(github.forgeHost, "token.actions.githubusercontent.com");
    assert.equal(inputs({ forge: "gitlab", repository: "group/sub/fleet" }).forgeHost, "gitlab.com");
  });

  it("are refused all at once", () => {
    assert.equal(refused({}).length, 4);
    const problems = refused({
      accountId: "12345",
      region: "eu-central-9",
      bucket: "cloister-state",
      repository: "ada/*",
      environments: ["dev", "preview", "dev", "pr*"],
    });
    const wanted = [
      /^--account is no account/,
      /^--bucket begins with cloister-/,
      /^--environment is no name/,
      /^--region there is no region "eu-central-9".*Did you mean eu-central-1/,
      /^--repository is no repository: OWNER\/NAME/,
      /^--environment names one twice/,
      /^--preview-environment may deploy too/,
    ];
    assert.equal(problems.length, wanted.length, problems.join("\n"));
    for (const pattern of wanted)
      assert.ok(
        problems.some((one) => pattern.test(one)),
        String(pattern),
      );
    for (const bucket of ["a", "Big", "a.b.c", "-a-b", "xn--state", "state-s3alias"])
      assert.equal(refused({ ...GOOD, bucket }).length, 1, bucket);
    assert.deepEqual(refused(GOOD), [], "the control");
  });
});

describe("whom the roles trust", () => {
  const condition = (raw: RawInputs, of: typeof deployerSubjects): Record<string, Record<string, unknown>> => {
    const all = inputs(raw);
    const [statement] = trustOf(all, of(all)).Statement as { Condition: Record<string, Record<string, unknown>> }[];
    return statement?.Condition ?? {};
  };

  it("is, on GitHub, one repository's jobs in one of the environments, exactly", () => {
    assert.deepEqual(condition({}, deployerSubjects), {
      StringEquals: {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": ["dev", "staging", "prod"].map(
          (name) => `repo:ada/fleet:environment:${name}`,
        ),
      },
    });
    const preview = condition({}, previewSubjects);
    assert.deepEqual(preview["StringEquals"]?.["token.actions.githubusercontent.com:sub"], [
      "repo:ada/fleet:environment:preview",
    ]);
  });

  it("is, on GitLab, the protected branch's pipelines, of previews as well until other branches are named", () => {
    const gitlab: RawInputs = { forge: "gitlab", repository: "group/fleet" };
    assert.deepEqual(condition(gitlab, deployerSubjects), {
      StringEquals: {
        "gitlab.com:aud": "https://gitlab.com",
        "gitlab.com:sub": ["project_path:group/fleet:ref_type:branch:ref:main"],
      },
    });
    assert.deepEqual(condition(gitlab, previewSubjects), condition(gitlab, deployerSubjects));
    const trunk = condition({ ...gitlab, branch: "trunk" }, previewSubjects);
    assert.deepEqual(trunk["StringEquals"]?.["gitlab.com:sub"], ["project_path:group/fleet:ref_type:branch:ref:trunk"]);
    const named = condition({ ...gitlab, previewBranches: ["main", "feature/*"] }, previewSubjects);
    assert.deepEqual(named["StringEquals"], { "gitlab.com:aud": "https://gitlab.com" });
    assert.deepEqual(named["StringLike"], {
      "gitlab.com:sub": ["main", "feature/*"].map((ref) => `project_path:group/fleet:ref_type:branch:ref:${ref}`),
    });
  });

  it("is no pattern that reaches beyond the branch, nor none at all", () => {
    const gitlab = { ...GOOD, forge: "gitlab" as const, repository: "group/fleet" };
    for (const previewBranches of [["a?"], ["a:ref_type:tag"], ["a$b"], [""], []])
      assert.match(refused({ ...gitlab, previewBranches }).join(), /^--preview-branch is/, String(previewBranches));
    assert.deepEqual(refused({ ...gitlab, previewBranches: ["*"] }), [], "the control");
  });
});

describe("what the roles may", () => {
  const deployer = "arn:aws:iam::123456789012:role/fleet-deployer";
  const may = async (policy: object, action: string, resource: string, more: object = {}, principal = deployer) =>
    await allowed({ principal, policy, action, resource, context: { "aws:RequestedRegion": "eu-central-1" }, ...more });
  const previews = previewPolicy(KNOWN_TYPES, "eu-central-1", at);
  const deploys = accountDeployerPolicy(inputs(), KEY);

  it("is, of a preview, looking, and reading the state; no secret's value, and nothing that changes", async () => {
    const changing = previews.Statement.flatMap(({ Action }) => Action).filter(
      (action) => !/^[a-z0-9-]+:(?:Describe|Get|List|Lookup|View)/.test(action),
    );
    assert.deepEqual(changing, ["kms:Decrypt"]);
    const object = `${BUCKET_ARN}/.pulumi/stacks/cloister/dev.json`;
    assert.equal(await may(previews, "s3:GetObject", object), true);
    assert.equal(await may(previews, "s3:PutObject", object), false);
    assert.equal(await may(deploys, "s3:PutObject", object), true, "the control");
    const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cloister-dev-model-key-AbCdEf";
    assert.equal(await may(previews, "secretsmanager:GetSecretValue", secret), false);
    assert.equal(await may(previews, "secretsmanager:DescribeSecret", secret), true, "the control");
    assert.equal(await may(previews, "ec2:DescribeInstances", "*"), true);
    const other = KEY.replace(/[^/]+$/, "11111111-89ab-cdef-0123-456789abcdef");
    for (const [key, is] of [
      [KEY, true],
      [other, false],
    ] as const)
      assert.equal(await may(previews, "kms:Decrypt", key, { resourcePolicy: LEFT_TO_IAM }), is, key);
  });

  /** The policy without what it denies: bucket and key then hold by themselves. */
  const allows = { ...deploys, Statement: deploys.Statement.filter(({ Effect }) => Effect === "Allow") };
  const objects: readonly (readonly [key: string, is: boolean])[] = [
    ["stacks/cloister-bootstrap/bootstrap.json", false],
    // The store's version, and the account's state in a store of version 0.
    ["meta.yaml", false],
    ["stacks/bootstrap.json", false],
    ["stacks/bootstrap.json.gz", false],
    // The controls: stacks of a project, one of them with the same name.
    ["stacks/cloister/dev.json", true],
    ["stacks/cloister/bootstrap.json", true],
    ["locks/organization/cloister/dev/lock.json", true],
  ];
  const HARM = ["kms:CreateGrant", "kms:DisableKeyRotation", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"];
  const own = inputs();
  const bucketsPolicy = { Version: "2012-10-17", Statement: stateBucketStatements(own, BUCKET_ARN) };

  it("is not, of a deployer, to write the account's own state or the store's version, or to harm the key", async () => {
    const context = { "aws:RequestedRegion": "eu-central-1", "aws:PrincipalArn": deployer };
    for (const [key, is] of objects)
      for (const action of ["s3:PutObject", "s3:DeleteObject"])
        assert.equal(
          await may(allows, action, `${BUCKET_ARN}/.pulumi/${key}`, { resourcePolicy: bucketsPolicy, context }),
          is,
          `${action} ${key}`,
        );
    const key = { resourcePolicy: stateKeyPolicy(own), context };
    for (const action of HARM) assert.equal(await may(allows, action, KEY, key), false, action);
    for (const action of ["kms:Decrypt", "kms:GenerateDataKey"])
      assert.equal(await may(allows, action, KEY, key), true, action);
    assert.equal(
      await may(allows, "kms:ScheduleKeyDeletion", KEY, { resourcePolicy: LEFT_TO_IAM }),
      true,
      "the control: another key",
    );
    // Nor to change the role that it is itself.
    assert.equal(
      await may(deploys, "iam:PutRolePolicy", deployer, { context: { "iam:PermissionsBoundary": at.boundary } }),
      false,
    );
  });

  it("is no more of people who have the deployer's policies with a role of their own", async () => {
    const person = "arn:aws:iam::123456789012:role/ada";
    const context = { "aws:RequestedRegion": "eu-central-1", "aws:PrincipalArn": person };
    const does = async (policy: object, action: string, resource: string, resourcePolicy: object) =>
      await may(policy, action, resource, { resourcePolicy, context }, person);
    for (const [key, is] of objects)
      assert.equal(await does(deploys, "s3:PutObject", `${BUCKET_ARN}/.pulumi/${key}`, bucketsPolicy), is, key);
    const meta = `${BUCKET_ARN}/.pulumi/meta.yaml`;
    assert.equal(await does(allows, "s3:PutObject", meta, bucketsPolicy), true, "the control: without what it denies");
    const keys = stateKeyPolicy(own);
    const alias = "arn:aws:kms:eu-central-1:123456789012:alias/cloister-state";
    for (const action of HARM) {
      assert.equal(await does(deploys, action, KEY, keys), false, action);
      assert.equal(await does(allows, action, KEY, keys), true, `the control: ${action}`);
    }
    for (const action of ["kms:UpdateAlias", "kms:DeleteAlias"]) {
      assert.equal(await does(deploys, action, alias, LEFT_TO_IAM), false, action);
      assert.equal(
        await does(deploys, action, alias.replace("cloister-state", "cloister-dev"), LEFT_TO_IAM),
        true,
        `the control: ${action}`,
      );
    }
    const stacks = KEY.replace(/[^/]+$/, "11111111-89ab-cdef-0123-456789abcdef");
    assert.equal(await does(deploys, "kms:ScheduleKeyDeletion", stacks, LEFT_TO_IAM), true, "a stack's key");
    assert.equal(await does(deploys, "kms:GenerateDataKey", KEY, keys), true);
  });

  it("fits managed policies, of which a role takes ten", () => {
    for (const policy of [deploys, previews]) {
      const parts = managedPolicies(policy);
      assert.ok(parts.length <= 10, String(parts.length));
      for (const part of parts) assert.ok(JSON.stringify(part).length <= 6144);
    }
  });

  it("is, of an operator, what docs/operating.md shows", () => {
    const text = readFileSync(new URL("../../../../docs/operating.md", import.meta.url), "utf8");
    const { Statement } = JSON.parse(/```json\n(.*?)```/s.exec(text)?.[1] ?? "") as {
      Statement: { Action: string | string[] }[];
    };
    const shown = Statement.map((one) => ({ ...one, Action: [one.Action].flat() }));
    const made = operatorPolicy({ partition: "aws", region: "*", stack: "dev" }).Statement.map(
      ({ Sid: _, ...one }) => one,
    );
    assert.deepEqual(made, shown);
  });
});

/** Rules of the policy pack that an account's policies break, each with its reason. All others hold (docs/decisions/0016). */
const REASONS: Readonly<Record<string, string>> = {
  "cloister-deployer iam-no-wildcard":
    "EC2, KMS and others know no names: bound to the region, in an account of the stacks' own",
  "cloister-deployer iam-no-escalation": "who deploys makes roles: bounded, and passed to three services only",
  "cloister-preview iam-no-wildcard": "looking at EC2 and others knows no resource",
  "cloister-operator iam-no-wildcard": "looking at groups and machines knows no resource",
  "cloister-operator iam-no-escalation": "an operator is root on machines: that is the right",
  "fleet-deployer iam-trust": "taken by jobs of the forge, whose subject is exact",
  "fleet-preview iam-trust": "taken by jobs of the forge, whose subject is exact",
};

it("the policy pack's rules on IAM pass on what bootstrap makes, or have a reason", () => {
  const all = inputs();
  const things: readonly (readonly [name: string, type: string, props: object])[] = [
    ["cloister-boundary", POLICY, { policy: JSON.stringify(boundaryPolicy("eu-central-1")) }],
    ["cloister-deployer", POLICY, { policy: JSON.stringify(accountDeployerPolicy(all, KEY)) }],
    ["cloister-preview", POLICY, { policy: JSON.stringify(previewPolicy(KNOWN_TYPES, "eu-central-1", at)) }],
    [
      "cloister-operator",
      POLICY,
      { policy: JSON.stringify(operatorPolicy({ partition: "aws", region: "eu-central-1" })) },
    ],
    ["fleet-deployer", ROLE, { assumeRolePolicy: JSON.stringify(trustOf(all, deployerSubjects(all))) }],
    ["fleet-preview", ROLE, { assumeRolePolicy: JSON.stringify(trustOf(all, previewSubjects(all))) }],
  ];
  const broken = things.flatMap(([name, type, props]) =>
    RULES.filter((rule) => rule.name.startsWith("iam-")).flatMap((rule) => {
      const resource = { type, name, urn: name, parent: "", protect: false, props: new Value(props) };
      return judge(rule, resource, worldOf()).findings.length > 0 ? [`${name} ${rule.name}`] : [];
    }),
  );
  assert.deepEqual(broken.sort(), Object.keys(REASONS).sort());
});
