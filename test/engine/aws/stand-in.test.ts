import assert from "node:assert/strict";
import { join } from "node:path";
import { KNOWN_TYPES } from "../../../infra/aws/access/deployer-policy.ts";
import { ensureMoto } from "../../../rehearsal/moto.ts";
import { differences } from "../../../rehearsal/plugin/difference.ts";
import { ServiceModel } from "../../../rehearsal/plugin/models.ts";
import { TYPES } from "../../../rehearsal/plugin/types/index.ts";

describe("the stand-in for the AWS plugin", () => {
  it("knows the types that the program uses, and no others", () => {
    assert.deepEqual(Object.keys(TYPES).sort(), [...KNOWN_TYPES].sort());
  });

  it("refuses a property that it does not know, of every type", () => {
    for (const [token, { inputs }] of Object.entries(TYPES)) {
      const { error } = inputs.safeParse({ notThere: 1 });
      assert.ok(
        error?.issues.some(({ code }) => code === "unrecognized_keys"),
        token,
      );
    }
    const route = TYPES["aws:ec2/route:Route"]?.inputs;
    assert.ok(route?.safeParse({ routeTableId: "rtb-1", destinationCidrBlock: "0.0.0.0/0" }).success);
  });

  it("replaces only by properties that it knows", () => {
    for (const [token, { inputs, replaceOn }] of Object.entries(TYPES)) {
      const unknown = inputs.safeParse(Object.fromEntries(replaceOn.map((path) => [path.split(".")[0], "x"])));
      const codes = unknown.error?.issues.map(({ code }) => code) ?? [];
      assert.ok(!codes.includes("unrecognized_keys"), token);
    }
  });

  it("sees what differs: values, not the order of lists or the writing of JSON", () => {
    const state = { list: ["a", "b"], policy: '{"b":1,"a":[2]}', nested: { one: 1 }, computed: "x" };
    assert.deepEqual(
      differences(state, {}, { list: ["b", "a"], policy: '{ "a": [2], "b": 1 }', nested: { one: 1 } }),
      [],
    );
    assert.deepEqual(differences(state, { gone: 1 }, { list: ["a"], nested: { one: 2 } }), [
      { path: "list", kind: "update" },
      { path: "nested.one", kind: "update" },
      { path: "gone", kind: "delete" },
    ]);
  });

  it("checks requests against the service's model", async function () {
    this.timeout(240_000);
    const model = new ServiceModel(join(await ensureMoto(), "botocore", "data"), "autoscaling");
    const hook = { AutoScalingGroupName: "g", LifecycleHookName: "h", HeartbeatTimeout: 900, DefaultResult: "ABANDON" };
    assert.deepEqual(await model.problems("PutLifecycleHook", hook), []);
    assert.match(
      (await model.problems("PutLifecycleHook", { ...hook, Nonsense: 1 })).join(),
      /additional properties \(Nonsense\)/,
    );
    assert.match(
      (await model.problems("PutLifecycleHook", { ...hook, HeartbeatTimeout: "900" })).join(),
      /must be integer/,
    );
    assert.match((await model.problems("PutLifecycleHook", { AutoScalingGroupName: "g" })).join(), /LifecycleHookName/);
    assert.match(
      (await model.problems("SetInstanceHealth", { InstanceId: "x".repeat(20), HealthStatus: "y" })).join(),
      /19/,
    );
    assert.match((await model.problems("PutLifecycleHook", {})).join(), /LifecycleHookName/);
    assert.deepEqual(await model.problems("DescribeAutoScalingGroups", {}), []);
    await assert.rejects(model.problems("NoSuchOperation", {}), /no operation NoSuchOperation/);
  });
});
