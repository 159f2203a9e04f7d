import assert from "node:assert/strict";
import type { AutoScalingClient, InstanceRefresh } from "@aws-sdk/client-auto-scaling";
import { machinesOf, poolsOf } from "../../../../cli/aws/discover.ts";
import { oldRemark, refreshGroup, refreshState } from "../../../../cli/aws/refresh.ts";

interface Sent {
  readonly name: string;
  readonly input: Record<string, unknown>;
}

/** Auto Scaling with refreshes of one group, newest first. */
function scaling(refreshes: InstanceRefresh[], fails: Readonly<Record<string, string>> = {}) {
  const sent: Sent[] = [];
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    const name = command.constructor.name.replace(/Command$/, "");
    sent.push({ name, input: command.input });
    const error = fails[name];
    if (error) throw Object.assign(new Error(error), { name: error });
    if (name === "DescribeInstanceRefreshes") return { InstanceRefreshes: refreshes };
    const [newest] = refreshes;
    if (name === "CancelInstanceRefresh" && newest) newest.Status = "Cancelling";
    if (name === "StartInstanceRefresh") refreshes.unshift({ Status: "Pending" });
    return {};
  };
  const said: string[] = [];
  const wait = async () => {
    const [newest] = refreshes;
    if (newest?.Status === "Cancelling") newest.Status = "Cancelled";
  };
  const client = { send } as unknown as AutoScalingClient;
  const run = (restart?: boolean) =>
    refreshGroup(client, "cloister-dev-workers", {
      ...(restart === undefined ? {} : { restart }),
      say: (line) => void said.push(line),
      wait,
    });
  return { client, run, sent, said, calls: () => sent.map(({ name }) => name) };
}

describe("a refresh of a pool", () => {
  it("is started where none runs, after one that failed too, with the program's own preferences", async () => {
    for (const before of [[], [{ Status: "Failed", StatusReason: "no capacity" }]] satisfies InstanceRefresh[][]) {
      const { run, sent } = scaling([...before]);
      assert.equal(await run(), true);
      assert.deepEqual(sent.at(-1)?.input, {
        AutoScalingGroupName: "cloister-dev-workers",
        Strategy: "Rolling",
        Preferences: {
          MinHealthyPercentage: 90,
          MaxHealthyPercentage: 110,
          SkipMatching: true,
          InstanceWarmup: 0,
          ScaleInProtectedInstances: "Wait",
          StandbyInstances: "Wait",
        },
      });
    }
  });

  it("is left alone where it runs, unless it shall begin anew", async () => {
    const runs = () => scaling([{ Status: "InProgress", PercentageComplete: 40 }]);
    const once = runs();
    assert.equal(await once.run(), false);
    assert.deepEqual(once.calls(), ["DescribeInstanceRefreshes"]);
    assert.match(once.said[0] ?? "", /a refresh runs already \(InProgress, 40 %\)/);
    const anew = runs();
    assert.equal(await anew.run(true), true);
    assert.deepEqual(
      anew.calls().filter((name) => name !== "DescribeInstanceRefreshes"),
      ["CancelInstanceRefresh", "StartInstanceRefresh"],
    );
    const cancelled = anew.sent.find(({ name }) => name === "CancelInstanceRefresh");
    assert.equal(cancelled?.input["WaitForTransitioningInstances"], false, "a drain may take two hours");
  });

  it("takes it that another was quicker, or that the one to cancel is over", async () => {
    const late = scaling([], { StartInstanceRefresh: "InstanceRefreshInProgressFault" });
    assert.equal(await late.run(), false);
    const refused = scaling([], { StartInstanceRefresh: "AccessDenied" });
    await assert.rejects(refused.run(), /AccessDenied/);
  });

  it("is told beside old machines, with what to do where none runs", async () => {
    const words = async (refreshes: InstanceRefresh[]) =>
      oldRemark(await refreshState(scaling(refreshes).client, "g"), "dev", "workers");
    assert.equal(await words([{ Status: "Pending" }]), "old: a refresh runs (Pending)");
    assert.equal(
      await words([{ Status: "Failed", StatusReason: "it took an hour" }, { Status: "Successful" }]),
      "old, and no refresh runs (the last: Failed: it took an hour): cloister --stack dev refresh workers",
    );
    assert.match(await words([]), /no refresh runs \(the last: none so far\)/);
  });
});

describe("a stack by its tags", () => {
  it("has machines by name, the newest while one is replaced", () => {
    const instance = (InstanceId: string, time: number, name?: string) => ({
      InstanceId,
      LaunchTime: new Date(time),
      Tags: [...(name ? [{ Key: "cloister:machine", Value: name }] : []), { Key: "cloister:stack", Value: "dev" }],
    });
    assert.deepEqual(machinesOf([instance("i-new", 2, "one"), instance("i-old", 1, "one"), instance("i-pool", 3)]), {
      one: { instanceId: "i-new" },
    });
  });

  it("has pools by the tags of their groups, with the version that the group has", async () => {
    const asked: Record<string, unknown>[] = [];
    const group = (AutoScalingGroupName: string, more: object, pool?: string) => ({
      AutoScalingGroupName,
      Tags: pool ? [{ Key: "cloister:pool", Value: pool }] : [],
      ...more,
    });
    const { AutoScalingClient: Client } = await import("@aws-sdk/client-auto-scaling");
    const client = new Client({ region: "eu-central-1" });
    Object.defineProperty(client, "send", {
      value: async ({ input }: { input: Record<string, unknown> }) => {
        asked.push(input);
        return {
          AutoScalingGroups: [
            group("cloister-dev-w", { LaunchTemplate: { Version: "3" } }, "w"),
            group("cloister-dev-w-2", { LaunchTemplate: { Version: "4" } }, "w"),
            group(
              "cloister-dev-s",
              { MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification: { Version: "7" } } } },
              "s",
            ),
            group("by-hand", {}),
          ],
        };
      },
    });
    assert.deepEqual(await poolsOf(client, "dev"), {
      w: {
        groups: [
          { group: "cloister-dev-w", templateVersion: 3 },
          { group: "cloister-dev-w-2", templateVersion: 4 },
        ],
      },
      s: { groups: [{ group: "cloister-dev-s", templateVersion: 7 }] },
    });
    assert.deepEqual(asked[0]?.["Filters"], [{ Name: "tag:cloister:stack", Values: ["dev"] }]);
  });
});
