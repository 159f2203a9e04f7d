import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { deployerPolicy, KNOWN_TYPES, managedPolicies } from "../../../../tools/aws/deployer-policy.ts";

/** Prefix of the actions in IAM, where the CLI's name of the service is another. */
const PREFIX: Readonly<Record<string, string>> = {
  resourcegroupstaggingapi: "tag",
  s3api: "s3",
  "service-quotas": "servicequotas",
};

/** Actions that are not named like the CLI's command (Service Authorization Reference). */
const OTHER_NAME: Readonly<Record<string, string>> = { "s3:ListObjectVersions": "s3:ListBucketVersions" };

/** What an administrator does beforehand, what signs in, and the state's own. */
const NOT_THE_DEPLOYERS = [
  "aws configure sso",
  "aws sso login",
  "aws s3 mb",
  "aws kms create-key",
  "aws kms create-alias",
  "aws iam create-policy",
  "aws iam create-service-linked-role",
];

const pascal = (words: string): string => words.replace(/(?:^|-)([a-z0-9])/g, (_, letter) => letter.toUpperCase());

describe("the deployer's policy", () => {
  const policy = deployerPolicy(KNOWN_TYPES, "eu-central-1");
  const actions = new Set(policy.Statement.flatMap(({ Action }) => Action));

  it("allows each command of the documentation", async () => {
    const text = await readFile(new URL("../../../../docs/aws.md", import.meta.url), "utf8");
    const commands = [...text.matchAll(/\baws ([a-z0-9-]+) ([a-z][a-z0-9-]+)/g)].filter(
      ([command]) => !NOT_THE_DEPLOYERS.includes(command),
    );
    assert.ok(commands.length > 15, "some commands are there");
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
      const regional = JSON.stringify(Condition ?? {}).includes('"aws:RequestedRegion":"eu-central-1"');
      if (Sid.startsWith("Iam")) assert.ok(Sid === "IamServiceRoles" || Resource !== "*", Sid);
      else assert.equal(regional, !["Budgets", "Ce", "Route53", "Sts"].includes(Sid), Sid);
    }
  });

  it("refuses a type that it does not know", () => {
    assert.throws(() => deployerPolicy(["aws:x/y:Y"], "eu-central-1"), /has no entry/);
  });
});
