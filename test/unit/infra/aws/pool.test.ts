import assert from "node:assert/strict";
import { Pool, type PoolArgs, type PoolSchedule } from "../../../../infra/aws/machines/pool.ts";
import { describeOptions, type Made, make, type Row, type Rows, userData } from "./options.ts";
import { shape } from "./shape.ts";

const base: PoolArgs = { shape, subnetIds: ["subnet-a", "subnet-b"], min: 1, max: 4 };
const pool = (args: PoolArgs) => new Pool("workers", args);
const group = (made: Made) => made.one("Group");
const hooks = (made: Made) => [
  group(made)["initialLifecycleHooks"],
  made.of("LifecycleHook").map(({ autoscalingGroupName: _, ...hook }) => hook),
];
const launching = (heartbeatTimeout: number) => ({
  name: "verified",
  lifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
  heartbeatTimeout,
  defaultResult: "ABANDON",
});
const terminating = (heartbeatTimeout: number) => ({
  name: "drained",
  lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  heartbeatTimeout,
  defaultResult: "CONTINUE",
});
const told = (made: Made) => userData(made.one("LaunchTemplate")["userData"]).machine["aws"].pool;
const spot = { onDemandBase: 1, onDemandPercent: 20, instanceTypes: ["m8g.xlarge"] };
const day: PoolSchedule = { cron: "0 7 * * 1-5", timeZone: "Etc/UTC", min: 2, max: 4, desired: 3 };

describe("a pool", () => {
  describeOptions(base, pool, {
    shape: {
      change: { shape: { ...shape, tags: { team: "agents" } } },
      sees: (made) => group(made)["tags"],
      before: [{ key: "cloister:pool", value: "workers", propagateAtLaunch: true }],
      after: [
        { key: "team", value: "agents", propagateAtLaunch: true },
        { key: "cloister:pool", value: "workers", propagateAtLaunch: true },
      ],
    },
    subnetIds: {
      change: { subnetIds: ["subnet-c"] },
      sees: (made) => group(made)["vpcZoneIdentifiers"],
      before: ["subnet-a", "subnet-b"],
      after: ["subnet-c"],
    },
    min: { change: { min: 3 }, sees: (made) => group(made)["minSize"], before: 1, after: 3 },
    max: { change: { max: 9 }, sees: (made) => group(made)["maxSize"], before: 4, after: 9 },
    desired: { change: { desired: 2 }, sees: (made) => group(made)["desiredCapacity"], before: undefined, after: 2 },
    instanceType: {
      change: { instanceType: "m8g.large" },
      sees: (made) => made.one("LaunchTemplate")["instanceType"],
      before: "c8g.xlarge",
      after: "m8g.large",
    },
    schedules: {
      change: { schedules: { day } },
      sees: (made) => made.of("Schedule"),
      before: [],
      after: [
        {
          autoscalingGroupName: "cloister-dev-workers",
          scheduledActionName: "day",
          recurrence: "0 7 * * 1-5",
          timeZone: "Etc/UTC",
          minSize: 2,
          maxSize: 4,
          desiredCapacity: 3,
        },
      ],
    },
    spot: {
      change: { spot },
      sees: (made) => [
        group(made)["capacityRebalance"],
        group(made)["mixedInstancesPolicy"],
        group(made)["launchTemplate"],
      ],
      before: [undefined, undefined, { id: "workers-id", version: "7" }],
      after: [
        true,
        {
          instancesDistribution: {
            onDemandBaseCapacity: 1,
            onDemandPercentageAboveBaseCapacity: 20,
            spotAllocationStrategy: "price-capacity-optimized",
          },
          launchTemplate: {
            launchTemplateSpecification: { launchTemplateId: "workers-id", version: "7" },
            overrides: [{ instanceType: "c8g.xlarge" }, { instanceType: "m8g.xlarge" }],
          },
        },
        undefined,
      ],
    },
    warmPool: {
      change: { warmPool: { minSize: 2, state: "Running" } },
      sees: (made) => group(made)["warmPool"],
      before: undefined,
      after: { minSize: 2, poolState: "Running", instanceReusePolicy: { reuseOnScaleIn: false } },
    },
    drainSeconds: {
      change: { drainSeconds: 60 },
      sees: (made) => [hooks(made), told(made).drainSeconds],
      before: [[[launching(900)], [terminating(900)]], 900],
      after: [[[launching(900)], [terminating(60)]], 60],
    },
    verifySeconds: {
      change: { verifySeconds: 300 },
      sees: (made) => [hooks(made), told(made).verifySeconds],
      before: [[[launching(900)], [terminating(900)]], 900],
      after: [[[launching(300)], [terminating(900)]], 300],
    },
    sizeNow: {
      change: { sizeNow: { min: 0, max: 3, desired: 1 } },
      sees: (made) => [group(made)["minSize"], group(made)["maxSize"], group(made)["desiredCapacity"]],
      before: [base.min, base.max, undefined],
      after: [0, 3, 1],
    },
  } satisfies Rows<PoolArgs>);

  it("of several instance types has machines of each one's size", async () => {
    const requested = { onDemandBase: 0, onDemandPercent: 0, instanceTypes: ["m8g.2xlarge", "c8g.large"] };
    const { expected, sessions } = userData(
      (await make(() => pool({ ...base, spot: requested }))).one("LaunchTemplate")["userData"],
    ).machine;
    assert.deepEqual([expected["cpus"], sessions.memoryMiB], [[4, 8, 2], 3072]);
  });

  describe("with schedules", () => {
    const with_ = (change: Partial<PoolSchedule>): Partial<PoolArgs> => ({ schedules: { day: { ...day, ...change } } });
    const row = (change: Partial<PoolSchedule>, property: string, before: unknown, after: unknown): Row<PoolArgs> => ({
      change: with_(change),
      sees: (made) => made.one("Schedule")[property],
      before,
      after,
    });
    describeOptions({ ...base, ...with_({}) }, pool, {
      cron: row({ cron: "0 8 * * *" }, "recurrence", "0 7 * * 1-5", "0 8 * * *"),
      timeZone: row({ timeZone: "Europe/Berlin" }, "timeZone", "Etc/UTC", "Europe/Berlin"),
      min: row({ min: 1 }, "minSize", 2, 1),
      max: row({ max: 3 }, "maxSize", 4, 3),
      desired: row({ desired: 4 }, "desiredCapacity", 3, 4),
    } satisfies Readonly<Record<keyof PoolSchedule, Row<PoolArgs>>>);
  });

  describe("with Spot machines", () => {
    const with_ = (change: Partial<typeof spot>): Partial<PoolArgs> => ({ spot: { ...spot, ...change } });
    const policy = (made: Made) => group(made)["mixedInstancesPolicy"];
    describeOptions({ ...base, ...with_({}) }, pool, {
      onDemandBase: {
        change: with_({ onDemandBase: 3 }),
        sees: (made) => policy(made).instancesDistribution.onDemandBaseCapacity,
        before: 1,
        after: 3,
      },
      onDemandPercent: {
        change: with_({ onDemandPercent: 50 }),
        sees: (made) => policy(made).instancesDistribution.onDemandPercentageAboveBaseCapacity,
        before: 20,
        after: 50,
      },
      instanceTypes: {
        change: with_({ instanceTypes: ["r8g.xlarge", "m8g.xlarge"] }),
        sees: (made) => policy(made).launchTemplate.overrides.map((one: { instanceType: string }) => one.instanceType),
        before: ["c8g.xlarge", "m8g.xlarge"],
        after: ["c8g.xlarge", "r8g.xlarge", "m8g.xlarge"],
      },
    } satisfies Readonly<Record<keyof typeof spot, Row<PoolArgs>>>);
  });

  it("keeps machines stopped in its warm pool when told to", async () => {
    const made = await make(() => pool({ ...base, warmPool: { minSize: 0, state: "Stopped" } }));
    assert.deepEqual([group(made)["warmPool"].minSize, group(made)["warmPool"].poolState], [0, "Stopped"]);
  });

  it("of more than 500 is groups that share template, numbers and schedules", async () => {
    const made = await make(() =>
      pool({
        ...base,
        min: 3,
        max: 1001,
        desired: 5,
        spot: { ...spot, onDemandBase: 4 },
        schedules: { day: { ...day, desired: 4 } },
      }),
    );
    assert.deepEqual(made.names("LaunchTemplate"), ["workers"]);
    const each = (property: string) => made.of("Group").map((one) => one[property]);
    assert.deepEqual(each("name"), ["cloister-dev-workers", "cloister-dev-workers-2", "cloister-dev-workers-3"]);
    assert.deepEqual(each("minSize"), [1, 1, 1]);
    assert.deepEqual(each("maxSize"), [334, 334, 333]);
    assert.deepEqual(each("desiredCapacity"), [2, 2, 1]);
    const specification = { launchTemplateId: "workers-id", version: "7" };
    for (const policy of each("mixedInstancesPolicy"))
      assert.deepEqual(policy.launchTemplate.launchTemplateSpecification, specification);
    assert.deepEqual(
      each("mixedInstancesPolicy").map((policy) => policy.instancesDistribution.onDemandBaseCapacity),
      [2, 1, 1],
    );
    assert.deepEqual(
      made.of("Schedule").map((one) => one["desiredCapacity"]),
      // In the order of their names: workers-2-day, workers-3-day, workers-day.
      [1, 1, 2],
    );
    assert.deepEqual(
      made
        .of("LifecycleHook")
        .map((one) => one["autoscalingGroupName"])
        .sort(),
      each("name"),
    );
    const { metadataOptions } = made.one("LaunchTemplate");
    assert.equal(metadataOptions.instanceMetadataTags, "enabled");
    assert.deepEqual(Object.keys(told(made)).sort(), ["drainSeconds", "launchHook", "terminateHook", "verifySeconds"]);
  });

  it("says what is wrong with its arguments at once", () => {
    const wrong: Partial<PoolArgs> = {
      min: 5,
      desired: 9,
      subnetIds: [],
      spot,
      warmPool: { minSize: 0, state: "Stopped" },
      shape: { ...shape, tags: { "cost centre": "1", "a/b": "2", fine: "3" } },
    };
    assert.throws(
      () => pool({ ...base, ...wrong }),
      (error: Error) => {
        assert.match(error.message, /min is above max; desired must be from min to max; subnetIds must name a subnet/);
        assert.match(error.message, /shape\.tags has keys that instance metadata does not take: cost centre,a\/b;/);
        assert.match(error.message, /warmPool does not go with Spot machines/);
        return true;
      },
    );
  });
});
