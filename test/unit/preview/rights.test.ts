import assert from "node:assert/strict";
import { deployerPolicy, KNOWN_TYPES } from "../../../infra/aws/access/deployer-policy.ts";
import { buildDocument } from "../../../preview/change-set/build.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { decide, matchesAction, readPolicies } from "../../../preview/rights/policy.ts";
import { allowed } from "../../../rehearsal/permissions.ts";
import { inputsOf } from "../../support/preview/documents.ts";

const region = "eu-central-1";
const URN = "urn:pulumi:dev::cloister::cloister:aws:Target$aws:ebs/volume:Volume::one-session";
const CALLS = [
  { urn: URN, service: "ec2", operation: "CreateVolume" },
  { urn: URN, service: "ec2", operation: "DescribeVolumes" },
];
const policyOf = (...statements: object[]): ReturnType<typeof readPolicies> =>
  readPolicies({ "deployer.json": JSON.stringify({ Version: "2012-10-17", Statement: statements }) });
const allow = (Action: string | string[], more: object = {}): object => ({
  Effect: "Allow",
  Action,
  Resource: "*",
  ...more,
});

describe("the deployer's rights", () => {
  it("are told apart: allowed, allowed on a condition, denied, missing", () => {
    const inRegion = { Condition: { StringEquals: { "aws:RequestedRegion": region } } };
    const elsewhere = { Condition: { StringEquals: { "aws:RequestedRegion": "us-east-1" } } };
    const tagged = { Condition: { StringLike: { "ssm:resourceTag/a": "*" } } };
    const is = (action: string, ...statements: object[]): string =>
      decide(policyOf(...statements), action, { region }).is;
    assert.equal(is("ec2:CreateVolume", allow("EC2:create*", inRegion)), "allowed");
    assert.equal(is("ec2:CreateVolume", allow("ec2:CreateVolume", elsewhere)), "missing");
    assert.equal(is("ec2:CreateVolume", allow("ec2:CreateVolumes")), "missing");
    assert.equal(is("ec2:CreateVolume", allow("*"), { Effect: "Deny", Action: "ec2:*", Resource: "*" }), "denied");
    assert.equal(
      is("ec2:CreateVolume", allow("*"), { Effect: "Deny", Action: "ec2:*", Resource: "arn:aws:ec2:::x" }),
      "allowed",
    );
    assert.equal(is("ec2:CreateVolume", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }), "allowed");
    assert.equal(is("iam:CreateRole", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }), "missing");
    assert.deepEqual(decide(policyOf(allow("ssm:StartSession", tagged)), "ssm:StartSession", { region }), {
      is: "allowed",
      if: ["ssm:resourceTag/a"],
    });
    assert.ok(matchesAction("s3:Get?bject", "s3:GetObject") && !matchesAction("s3:Get?", "s3:GetObject"));
  });

  it("are decided as a simulator of IAM decides them", async () => {
    const whole = deployerPolicy(KNOWN_TYPES, region);
    const less = { ...whole, Statement: whole.Statement.filter(({ Sid }) => Sid !== "Kms" && Sid !== "Dlm") };
    for (const action of [
      "kms:CreateGrant",
      "dlm:CreateLifecyclePolicy",
      "ec2:CreateVolume",
      "logs:CreateLogDelivery",
    ]) {
      const principal = "arn:aws:iam::123456789012:role/deployer";
      const asked = { principal, policy: less, action, resource: "*", context: { "aws:RequestedRegion": region } };
      const simulated = await allowed(asked).catch(() => false);
      const decided = decide(readPolicies({ a: JSON.stringify(less) }), action, { region }).is === "allowed";
      assert.equal(decided, simulated, action);
    }
  });

  it("that are missing are in the first line and in a table, with what needs them", () => {
    const statements = policyOf(allow(["ec2:*", "kms:GenerateDataKeyWithoutPlaintext"]));
    const rights = { calls: CALLS, statements, region, from: "deployer.json" };
    const document = buildDocument({ ...inputsOf("disk-grown"), rights });
    assert.deepEqual(document.rights?.missing, [
      { action: "kms:CreateGrant", denied: false, on: ["Volume one-session"] },
    ]);
    assert.match(verdictText(document), /^⛔ .*the deploy fails: 1 right is missing/);
    assert.match(
      comment(document).text,
      /needs 1 right that the deployer has not.*`kms:CreateGrant`[^\n]*`Volume one-session`/s,
    );
    const enough = buildDocument({
      ...inputsOf("disk-grown"),
      rights: { ...rights, statements: policyOf(allow("*")) },
    });
    assert.deepEqual(enough.rights?.missing, []);
    assert.doesNotMatch(verdictText(enough), /missing/);
    assert.equal(buildDocument(inputsOf("disk-grown")).rights, null);
  });

  it("come from policies that are read with all that is wrong in them", () => {
    assert.throws(() => readPolicies({ "a.json": "{" }), /a\.json: is no JSON/);
    assert.throws(
      () => readPolicies({ "a.json": '{"Statement":[{"Effect":"Maybe","Action":"a"},{"Effect":"Allow"}]}' }),
      /Statement\.0\.Effect.*Statement\.1/s,
    );
  });
});
