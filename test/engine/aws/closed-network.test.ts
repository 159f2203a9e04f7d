import assert from "node:assert/strict";
import type { EngineResult } from "../../../rehearsal/engine.ts";
import { type Clients, clientsOf, inventory } from "../../../rehearsal/look.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";

/** A network without any way to the internet. */
describe("a stack on AWS in a closed network (rehearsed with moto)", function () {
  this.timeout(240_000);
  let stack: Rehearsal;
  let aws: Clients;

  const succeeded = ({ exitCode, all }: EngineResult): void => assert.equal(exitCode, 0, all);

  before(async () => {
    stack = await Rehearsal.create({ stack: "dev" });
    aws = clientsOf(stack.moto.endpoint);
    await stack.set({
      network: { nat: "none", ssmEndpoints: true },
      aptMirror: "https://our-mirror.s3.eu-central-1.amazonaws.com/ubuntu",
    });
  });
  after(async () => await stack.dispose());

  it("comes up with endpoints that know its account and its mirror alone, changes nothing again, and goes", async () => {
    const empty = await inventory(aws, await stack.kept());
    succeeded(await stack.engine.up());
    const { VpcEndpoints = [] } = await aws.ec2.describeVpcEndpoints({});
    const statements = new Map(
      VpcEndpoints.map(({ ServiceName = "", PolicyDocument = "{}" }) => [
        ServiceName.split(".").at(-1),
        (JSON.parse(PolicyDocument) as { Statement: Record<string, unknown>[] }).Statement,
      ]),
    );
    const byAccount = { StringEquals: { "aws:PrincipalAccount": "123456789012" } };
    for (const service of ["ssm", "ssmmessages", "logs", "secretsmanager", "autoscaling"]) {
      assert.deepEqual(
        statements.get(service)?.map(({ Condition }) => Condition),
        [byAccount],
        service,
      );
    }
    const [ours, packages] = statements.get("s3") ?? [];
    assert.deepEqual(ours?.["Condition"], {
      StringEquals: { ...byAccount.StringEquals, "aws:ResourceAccount": "123456789012" },
    });
    assert.deepEqual(packages?.["Resource"], ["arn:aws:s3:::our-mirror/*"]);
    assert.deepEqual((await aws.ec2.describeNatGateways({})).NatGateways, []);
    succeeded(await stack.engine.preview("--expect-no-changes", "--refresh"));
    await stack.set({ aptMirror: "https://another.s3.eu-central-1.amazonaws.com/ubuntu" });
    succeeded(await stack.engine.up());
    const { VpcEndpoints: now = [] } = await aws.ec2.describeVpcEndpoints({});
    const s3 = now.filter(({ ServiceName = "" }) => ServiceName.endsWith(".s3"));
    assert.equal(s3.length, 1);
    assert.match(s3[0]?.PolicyDocument ?? "", /arn:aws:s3:::another\/\*/);
    assert.doesNotMatch(s3[0]?.PolicyDocument ?? "", /our-mirror/);
    succeeded(await stack.engine.destroy());
    assert.deepEqual(await inventory(aws, await stack.kept()), empty);
  });
});
