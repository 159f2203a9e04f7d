import assert from "node:assert/strict";
import { boundaryPolicy } from "../../../../infra/aws/access/boundary-policy.ts";
import {
  flowLogPolicy,
  machinePolicy,
  type PolicyDocument,
  snapshotPolicy,
} from "../../../../infra/aws/access/policies.ts";
import { allowed, LEFT_TO_IAM } from "../../../../rehearsal/permissions.ts";

const ACCOUNT = "123456789012";
const at = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:${ACCOUNT}:${rest}`;

/** As a stack's roles have them. */
const ROLES: Readonly<Record<string, PolicyDocument>> = {
  machine: machinePolicy({
    bucketArn: "arn:aws:s3:::cloister-dev-0123456",
    keyArn: at("kms", "key/0123"),
    logGroupArns: [at("logs", "log-group:/cloister/dev/system"), at("logs", "log-group:/cloister/dev/audit")],
    modelKeySecretArn: at("secretsmanager", "secret:our-own-AbCdEf"),
    groupArns: at("autoscaling", "autoScalingGroup:x:autoScalingGroupName/cloister-dev-small"),
    stack: "dev",
    region: "eu-central-1",
  }),
  "flow logs": flowLogPolicy(at("logs", "log-group:/cloister/dev/flow")),
  snapshots: snapshotPolicy("eu-central-1", "aws", at("kms", "key/0123")),
};
const CONTEXT = {
  "aws:ResourceTag/cloister:stack": "dev",
  "kms:GrantIsForAWSResource": "true",
};
/** By whom a role uses the key. */
const via = (role: string) => ({
  ...CONTEXT,
  "kms:ViaService": `${role === "snapshots" ? "ec2" : "s3"}.eu-central-1.amazonaws.com`,
});

describe("the boundary of roles", () => {
  const boundary = boundaryPolicy("eu-central-1");
  const within = async (action: string, resource: string, context: object = via("machine")) =>
    await allowed({
      principal: `arn:aws:iam::${ACCOUNT}:role/cloister-dev-machine`,
      policy: boundary,
      action,
      resource,
      context: { ...context },
      ...(action.startsWith("kms:") ? { resourcePolicy: LEFT_TO_IAM } : {}),
    });

  for (const [role, { Statement }] of Object.entries(ROLES)) {
    it(`allows all that the role of ${role} does`, async () => {
      for (const { Action, Resource } of Statement) {
        for (const action of Action) {
          // An action knows one kind of resource of those that its statement names.
          const answers = await Promise.all(
            [Resource].flat().map((resource) =>
              within(action, resource.replaceAll("*", resource === "*" ? "*" : "x"), via(role)).catch(
                (error: Error) => {
                  assert.match(error.message, /no\.resource\.types/);
                  return undefined;
                },
              ),
            ),
          );
          const known = answers.filter((answer) => answer !== undefined);
          assert.ok(known.length > 0 && known.every(Boolean), `${action} on ${[Resource].flat().join(", ")}`);
        }
      }
    });
  }

  it("allows nothing else, and fits a managed policy", async () => {
    assert.equal(await within("s3:PutObject", "arn:aws:s3:::cloister-dev-0123456/runtime/x"), false);
    assert.equal(await within("s3:GetObject", "arn:aws:s3:::another/runtime/x"), false);
    assert.equal(await within("kms:Decrypt", at("kms", "key/0123"), {}), false);
    assert.equal(await within("kms:CreateGrant", at("kms", "key/0123"), {}), false);
    assert.equal(await within("logs:PutLogEvents", at("logs", "log-group:/another:log-stream:x")), false);
    const group = at("autoscaling", "autoScalingGroup:x:autoScalingGroupName/cloister-dev-small");
    assert.equal(await within("autoscaling:SetInstanceProtection", group, {}), false);
    assert.equal(await within("iam:CreateRole", `arn:aws:iam::${ACCOUNT}:role/x`), false);
    assert.ok(JSON.stringify(boundary).length <= 6144);
    const sids = boundary.Statement.map(({ Sid }) => Sid);
    assert.equal(new Set(sids).size, sids.length);
  });
});
