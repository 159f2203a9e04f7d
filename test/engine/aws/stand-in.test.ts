import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KNOWN_TYPES } from "../../../infra/aws/access/deployer-policy.ts";
import { ensureMoto } from "../../../rehearsal/moto.ts";
import { DEFAULTS } from "../../../rehearsal/plugin/defaults.ts";
import { differences } from "../../../rehearsal/plugin/difference.ts";
import { ServiceModel } from "../../../rehearsal/plugin/models.ts";
import { pathsOf } from "../../../rehearsal/plugin/resource.ts";
import { pass } from "../../../rehearsal/plugin/time.ts";
import { TYPES } from "../../../rehearsal/plugin/types/index.ts";

describe("the stand-in for the AWS plugin", () => {
  it("knows the types that the program uses, and no others", () => {
    // A deployer makes no such things: `cloister bootstrap` does, with its caller's rights.
    const bootstraps = ["openIdConnectProvider:OpenIdConnectProvider", "policy:Policy"];
    const ofBootstrap = [...bootstraps, "rolePolicyAttachment:RolePolicyAttachment"].map((type) => `aws:iam/${type}`);
    assert.deepEqual(Object.keys(TYPES).sort(), [...KNOWN_TYPES, ...ofBootstrap].sort());
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

  it("fills in those defaults only that documentation of the provider names", () => {
    for (const [token, defaults] of Object.entries(DEFAULTS)) {
      const file = `../../../node_modules/@pulumi/aws/${token.split(":")[1]}.d.ts`;
      const text = readFileSync(new URL(file, import.meta.url), "utf8").split(/export interface \w+Args \{/)[1] ?? "";
      for (const [name, value] of Object.entries(defaults)) {
        const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*${name}\\?:`).exec(text)?.[1] ?? "";
        const said = new RegExp(`[Dd]efault(s to|s| is| set to|:|)?( value is)? \\W?\`?${String(value)}\\b`);
        assert.match(comment.replace(/\s+\*?\s*/g, " "), said, `${token} ${name}`);
      }
    }
  });

  it("sees the order of those lists that have one", () => {
    const { ordered = [] } = TYPES["aws:ec2/launchTemplate:LaunchTemplate"] ?? {};
    const [a, b] = [{ deviceName: "/dev/sda1" }, { deviceName: "/dev/sdf" }];
    const state = { blockDeviceMappings: [a, b], networkInterfaces: [{ securityGroups: ["sg-1", "sg-2"] }] };
    assert.deepEqual(differences(state, {}, { ...state, blockDeviceMappings: [b, a] }, ordered), [
      { path: "blockDeviceMappings", kind: "update" },
    ]);
    const reordered = { ...state, networkInterfaces: [{ securityGroups: ["sg-2", "sg-1"] }] };
    assert.deepEqual(differences(state, {}, reordered, ordered), [], "a set in a list");
    const group = TYPES["aws:autoscaling/group:Group"]?.ordered ?? [];
    const zones = { vpcZoneIdentifiers: ["subnet-1", "subnet-2"] };
    assert.deepEqual(differences(zones, {}, { vpcZoneIdentifiers: ["subnet-2", "subnet-1"] }, group), [], "a set");
  });

  it("has lists with an order only where it knows them", () => {
    for (const [token, { inputs, ordered = [] }] of Object.entries(TYPES))
      for (const path of ordered)
        assert.ok(
          pathsOf(inputs).some((one) => one === path || one.startsWith(`${path}.`)),
          `${token} ${path}`,
        );
  });

  it("lets AWS's time pass as it is told to", async () => {
    const startedAt = performance.now();
    await pass("aws:ec2/natGateway:NatGateway", "create");
    assert.ok(performance.now() - startedAt < 100, "by default not at all");
    process.env["CLOISTER_TIME_SCALE"] = "0.002";
    try {
      await pass("aws:ec2/natGateway:NatGateway", "create");
    } finally {
      delete process.env["CLOISTER_TIME_SCALE"];
    }
    assert.ok(performance.now() - startedAt >= 200, "a five-hundredth of 110 seconds");
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
