import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  deployerPolicy,
  KNOWN_TYPES,
  managedPolicies,
  unknownRegion,
} from "../../../../infra/aws/access/deployer-policy.ts";
import { UBUNTU_ON_AWS } from "../../../../infra/aws/machines/ubuntu.ts";
import { allowed, LEFT_TO_IAM } from "../../../../rehearsal/permissions.ts";

/** Prefix of the actions in IAM, where the CLI's name of the service is another. */
const PREFIX: Readonly<Record<string, string>> = {
  resourcegroupstaggingapi: "tag",
  s3api: "s3",
  "service-quotas": "servicequotas",
};

/** Actions that are not named like the CLI's command (Service Authorization Reference). */
const OTHER_NAME: Readonly<Record<string, string>> = { "s3:ListObjectVersions": "s3:ListBucketVersions" };

/** Commands of an administrator, of signing in, and of the state's bucket: not the deployer's. */
const NOT_THE_DEPLOYERS = [
  "aws configure sso",
  "aws sso login",
  "aws s3 mb",
  "aws s3api put-bucket-versioning",
  "aws kms create-key",
  "aws kms create-alias",
  "aws iam create-policy",
  "aws iam create-policy-version",
  "aws iam list-policy-versions",
  "aws iam delete-policy-version",
  "aws iam attach-role-policy",
  "aws service-quotas get-service-quota",
  "aws iam create-service-linked-role",
];

const pascal = (words: string): string => words.replace(/(?:^|-)([a-z0-9])/g, (_, letter) => letter.toUpperCase());

describe("the deployer's policy", () => {
  const policy = deployerPolicy(KNOWN_TYPES, "eu-central-1");
  const actions = new Set(policy.Statement.flatMap(({ Action }) => Action));

  it("allows each command of the documentation", async () => {
    const pages = ["aws.md", "aws-reference.md"].map((page) => new URL(`../../../../docs/${page}`, import.meta.url));
    const text = (await Promise.all(pages.map((page) => readFile(page, "utf8")))).join("\n");
    const commands = [...text.matchAll(/\baws ([a-z0-9-]+) ([a-z][a-z0-9-]+)/g)].filter(
      ([command]) => !NOT_THE_DEPLOYERS.includes(command),
    );
    assert.ok(commands.length > 20, "some commands are there");
    const missing = commands
      .map(([, service = "", operation = ""]) => `${PREFIX[service] ?? service}:${pascal(operation)}`)
      .filter((action) => !actions.has(OTHER_NAME[action] ?? action));
    assert.deepEqual(missing, []);
  });

  it("allows an operator's", async () => {
    const text = await readFile(new URL("../../../../docs/operating.md", import.meta.url), "utf8");
    const { Statement } = JSON.parse(/```json\n(.*?)```/s.exec(text)?.[1] ?? "") as {
      Statement: { Action: string | string[] }[];
    };
    const needed = Statement.flatMap(({ Action }) => Action);
    assert.ok(needed.includes("ssm:StartSession"));
    assert.deepEqual(
      needed.filter((action) => !actions.has(action)),
      [],
    );
  });

  it("comes in parts that each fit a managed policy", () => {
    const parts = managedPolicies(policy);
    assert.ok(parts.length > 1, "one document does not fit");
    for (const part of parts) assert.ok(JSON.stringify(part).length <= 6144);
    assert.deepEqual(
      parts.flatMap(({ Statement }) => Statement),
      policy.Statement,
    );
  });

  it("is bound to the region, and to roles of this program", () => {
    for (const { Sid, Resource, Condition } of policy.Statement) {
      const regional = JSON.stringify([Resource, Condition ?? {}]).includes("eu-central-1");
      if (Sid.startsWith("Iam")) assert.ok(Sid === "IamServiceRoles" || Resource !== "*", Sid);
      else assert.equal(regional, !["Budgets", "Ce", "Route53", "Sts"].includes(Sid), Sid);
    }
  });

  const may = (action: string, resource: string, context = {}, rules: object = policy) =>
    allowed({
      principal: "arn:aws:iam::123456789012:role/deployer",
      policy: rules,
      action,
      resource,
      context: { "aws:RequestedRegion": "eu-central-1", "aws:userid": "AROA:me", ...context },
      ...(action.startsWith("kms:") ? { resourcePolicy: LEFT_TO_IAM } : {}),
    });

  it("opens sessions on machines of this program, and reads no parameter but the image's", async () => {
    const instance = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0";
    const tag = { "ssm:resourceTag/cloister:stack": "dev" };
    assert.equal(await may("ssm:StartSession", instance, tag), true);
    assert.equal(await may("ssm:StartSession", instance), false);
    const session = (of: string) => `arn:aws:ssm:eu-central-1:123456789012:session/${of}-0123456789abcdef0`;
    for (const action of ["ssm:ResumeSession", "ssm:TerminateSession"]) {
      assert.equal(await may(action, session("AROA:me")), true, action);
      assert.equal(await may(action, session("AROA:other")), false, `another's: ${action}`);
    }
    // The simulator knows no resource of this one; AWS's own policies have it on sessions (AmazonEKSLocalOutpostServiceRolePolicy).
    const opens = policy.Statement.find(({ Action }) => Action.includes("ssmmessages:OpenDataChannel"));
    assert.deepEqual(opens?.Resource, ["arn:*:ssm:eu-central-1:*:session/$" + "{aws:userid}-*"]);
    const document = (name: string) => `arn:aws:ssm:eu-central-1:123456789012:document/${name}`;
    assert.equal(await may("ssm:StartSession", document("AWS-StartInteractiveCommand")), true);
    assert.equal(await may("ssm:StartSession", document("AWS-StartPortForwardingSession")), false);
    const parameter = (name: string) => `arn:aws:ssm:eu-central-1:123456789012:parameter${name}`;
    for (const release of Object.values(UBUNTU_ON_AWS)) {
      assert.equal(await may("ssm:GetParameter", parameter(release.parameter)), true, release.parameter);
    }
    assert.equal(await may("ssm:GetParameter", parameter("/password")), false);
  });

  it("has the rights on Pulumi's state that it is given, and no others", async () => {
    const key = "arn:aws:kms:eu-central-1:123456789012:key/0123";
    const wider = deployerPolicy(KNOWN_TYPES, "eu-central-1", { stateBucket: "our-state", stateKey: key });
    const object = "arn:aws:s3:::our-state/.pulumi/stacks/cloister/dev.json";
    for (const [action, resource] of [
      ["s3:ListBucket", "arn:aws:s3:::our-state"],
      ["s3:GetObject", object],
      ["s3:PutObject", object],
      ["s3:DeleteObject", object],
      ["kms:Encrypt", key],
    ] as const) {
      assert.equal(await may(action, resource, {}, wider), true, action);
      assert.equal(await may(action, resource), false, `${action}, not given`);
    }
    assert.equal(await may("s3:PutObject", "arn:aws:s3:::another/x", {}, wider), false);
    assert.equal(await may("s3:DeleteBucket", "arn:aws:s3:::our-state", {}, wider), false);
    assert.equal(await may("kms:Encrypt", `${key}4`, {}, wider), false);
  });

  it("refuses a type that it does not know", () => {
    assert.throws(() => deployerPolicy(["aws:x/y:Y"], "eu-central-1"), /has no entry/);
  });
});

describe("the deployer's region", () => {
  it("must be one of AWS's", () => {
    for (const region of ["eu-central-1", "us-east-1", "eu-west-1", "us-gov-west-1"]) {
      assert.equal(unknownRegion(region), undefined, region);
    }
    assert.match(
      unknownRegion("eu-central-3") ?? "",
      /no region "eu-central-3" of AWS's\. Did you mean eu-central-[12]\?/,
    );
    assert.match(unknownRegion("") ?? "", /There are: .*us-east-1/);
    assert.match(unknownRegion("EU") ?? "", /no region "EU"/);
  });
});
