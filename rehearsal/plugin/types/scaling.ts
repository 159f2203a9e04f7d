/** Pools: Auto Scaling groups, their hooks and their schedules. */
import type { Tag } from "@aws-sdk/client-auto-scaling";
import { z } from "zod";
import { autoScaling, made } from "../clients.ts";
import { count, flag, type ResourceType, resource, text, until } from "../resource.ts";

const templateOf = z.strictObject({ id: text, version: text });

const groupInputs = z.strictObject({
  name: text,
  minSize: count,
  maxSize: count,
  desiredCapacity: count.optional(),
  vpcZoneIdentifiers: z.array(text),
  capacityRebalance: flag.optional(),
  launchTemplate: templateOf.optional(),
  mixedInstancesPolicy: z
    .strictObject({
      instancesDistribution: z.strictObject({
        onDemandBaseCapacity: count,
        onDemandPercentageAboveBaseCapacity: count,
        spotAllocationStrategy: text,
      }),
      launchTemplate: z.strictObject({
        launchTemplateSpecification: z.strictObject({ launchTemplateId: text, version: text }),
        overrides: z.array(z.strictObject({ instanceType: text })),
      }),
    })
    .optional(),
  healthCheckGracePeriod: count,
  suspendedProcesses: z.array(text),
  initialLifecycleHooks: z.array(
    z.strictObject({
      name: text,
      lifecycleTransition: text,
      heartbeatTimeout: count,
      defaultResult: z.enum(["ABANDON", "CONTINUE"]),
    }),
  ),
  instanceRefresh: z.strictObject({
    strategy: z.literal("Rolling"),
    preferences: z.strictObject({
      minHealthyPercentage: count,
      maxHealthyPercentage: count,
      skipMatching: flag,
      instanceWarmup: text,
      scaleInProtectedInstances: text,
      standbyInstances: text,
    }),
  }),
  warmPool: z
    .strictObject({
      minSize: count,
      poolState: text,
      instanceReusePolicy: z.strictObject({ reuseOnScaleIn: flag }),
    })
    .optional(),
  waitForCapacityTimeout: text,
  enabledMetrics: z.array(text),
  tags: z.array(z.strictObject({ key: text, value: text, propagateAtLaunch: flag })),
});
type GroupInputs = z.infer<typeof groupInputs>;

/** Input that creation and update share. */
const shared = (inputs: GroupInputs) => ({
  VPCZoneIdentifier: inputs.vpcZoneIdentifiers.join(","),
  ...(inputs.capacityRebalance === undefined ? {} : { CapacityRebalance: inputs.capacityRebalance }),
  ...(inputs.launchTemplate
    ? { LaunchTemplate: { LaunchTemplateId: inputs.launchTemplate.id, Version: inputs.launchTemplate.version } }
    : {}),
  ...(inputs.mixedInstancesPolicy ? { MixedInstancesPolicy: mixed(inputs.mixedInstancesPolicy) } : {}),
  HealthCheckGracePeriod: inputs.healthCheckGracePeriod,
});

const mixed = ({ instancesDistribution: how, launchTemplate }: NonNullable<GroupInputs["mixedInstancesPolicy"]>) => ({
  InstancesDistribution: {
    OnDemandBaseCapacity: how.onDemandBaseCapacity,
    OnDemandPercentageAboveBaseCapacity: how.onDemandPercentageAboveBaseCapacity,
    SpotAllocationStrategy: how.spotAllocationStrategy,
  },
  LaunchTemplate: {
    LaunchTemplateSpecification: {
      LaunchTemplateId: launchTemplate.launchTemplateSpecification.launchTemplateId,
      Version: launchTemplate.launchTemplateSpecification.version,
    },
    Overrides: launchTemplate.overrides.map(({ instanceType }) => ({ InstanceType: instanceType })),
  },
});

const tagsFor = (name: string, list: GroupInputs["tags"]): Tag[] =>
  list.map(({ key, value, propagateAtLaunch }) => ({
    Key: key,
    Value: value,
    PropagateAtLaunch: propagateAtLaunch,
    ResourceId: name,
    ResourceType: "auto-scaling-group",
  }));

async function groupOf(name: string) {
  const { AutoScalingGroups } = await (await autoScaling()).describeAutoScalingGroups({
    AutoScalingGroupNames: [name],
  });
  return AutoScalingGroups?.[0];
}

const sizes = (inputs: GroupInputs) => ({
  MinSize: inputs.minSize,
  MaxSize: inputs.maxSize,
  ...(inputs.desiredCapacity === undefined ? {} : { DesiredCapacity: inputs.desiredCapacity }),
});

/** moto forgets the policy at an update that does not repeat it. */
const policyAgain = ({ mixedInstancesPolicy: policy }: Pick<GroupInputs, "mixedInstancesPolicy">) =>
  policy ? { MixedInstancesPolicy: mixed(policy) } : {};

async function warm(AutoScalingGroupName: string, pool: NonNullable<GroupInputs["warmPool"]>): Promise<void> {
  await (await autoScaling()).putWarmPool({
    AutoScalingGroupName,
    MinSize: pool.minSize,
    PoolState: pool.poolState as "Stopped",
    InstanceReusePolicy: { ReuseOnScaleIn: pool.instanceReusePolicy.reuseOnScaleIn },
  });
}

const group = resource<GroupInputs>({
  inputs: groupInputs,
  autoName: "name",
  replaceOn: ["name", "initialLifecycleHooks"],
  source: "autoscaling/group.go",
  ordered: ["mixedInstancesPolicy.launchTemplate.overrides"],
  computed: ["arn", "availabilityZones", "tagsAll"],
  async create(inputs) {
    const api = await autoScaling();
    const AutoScalingGroupName = inputs.name;
    // With hooks the provider makes an empty group first: no machine starts without its hook.
    await api.createAutoScalingGroup({
      AutoScalingGroupName,
      MinSize: 0,
      MaxSize: 0,
      ...shared(inputs),
      Tags: tagsFor(inputs.name, inputs.tags),
    });
    made(AutoScalingGroupName);
    for (const hook of inputs.initialLifecycleHooks)
      await api.putLifecycleHook({
        AutoScalingGroupName,
        LifecycleHookName: hook.name,
        LifecycleTransition: hook.lifecycleTransition,
        HeartbeatTimeout: hook.heartbeatTimeout,
        DefaultResult: hook.defaultResult,
      });
    await api.updateAutoScalingGroup({ AutoScalingGroupName, ...sizes(inputs), ...policyAgain(inputs) });
    if (inputs.suspendedProcesses.length > 0)
      await api.suspendProcesses({ AutoScalingGroupName, ScalingProcesses: inputs.suspendedProcesses });
    if (inputs.enabledMetrics.length > 0)
      await api.enableMetricsCollection({
        AutoScalingGroupName,
        Granularity: "1Minute",
        Metrics: inputs.enabledMetrics,
      });
    if (inputs.warmPool) await warm(inputs.name, inputs.warmPool);
    return inputs.name;
  },
  async read(id, state) {
    const found = await groupOf(id);
    if (!found) return undefined;
    const policy = found.MixedInstancesPolicy;
    const specification = policy?.LaunchTemplate?.LaunchTemplateSpecification;
    return {
      name: found.AutoScalingGroupName,
      arn: found.AutoScalingGroupARN,
      minSize: found.MinSize,
      maxSize: found.MaxSize,
      desiredCapacity: found.DesiredCapacity,
      vpcZoneIdentifiers: found.VPCZoneIdentifier?.split(",") ?? [],
      ...(state.launchTemplate
        ? { launchTemplate: { id: found.LaunchTemplate?.LaunchTemplateId, version: found.LaunchTemplate?.Version } }
        : {}),
      ...(state.mixedInstancesPolicy
        ? {
            mixedInstancesPolicy: {
              instancesDistribution: {
                onDemandBaseCapacity: policy?.InstancesDistribution?.OnDemandBaseCapacity,
                onDemandPercentageAboveBaseCapacity: policy?.InstancesDistribution?.OnDemandPercentageAboveBaseCapacity,
                spotAllocationStrategy: policy?.InstancesDistribution?.SpotAllocationStrategy,
              },
              launchTemplate: {
                launchTemplateSpecification: {
                  launchTemplateId: specification?.LaunchTemplateId,
                  version: specification?.Version,
                },
                overrides: (policy?.LaunchTemplate?.Overrides ?? []).map(({ InstanceType }) => ({
                  instanceType: InstanceType,
                })),
              },
            },
          }
        : {}),
      healthCheckGracePeriod: found.HealthCheckGracePeriod,
      suspendedProcesses: (found.SuspendedProcesses ?? []).map(({ ProcessName }) => ProcessName),
      enabledMetrics: (found.EnabledMetrics ?? []).map(({ Metric }) => Metric),
      tags: (found.Tags ?? []).map((tag) => ({
        key: tag.Key,
        value: tag.Value,
        propagateAtLaunch: tag.PropagateAtLaunch,
      })),
    };
  },
  async update(id, news, olds) {
    const api = await autoScaling();
    const AutoScalingGroupName = id;
    const before = JSON.stringify([olds.launchTemplate, olds.mixedInstancesPolicy]);
    await api.updateAutoScalingGroup({ AutoScalingGroupName, ...shared(news), ...sizes(news) });
    const gone = olds.tags.filter(({ key }) => !news.tags.some((tag) => tag.key === key));
    if (gone.length > 0) await api.deleteTags({ Tags: tagsFor(id, gone) });
    if (JSON.stringify(olds.tags) !== JSON.stringify(news.tags))
      await api.createOrUpdateTags({ Tags: tagsFor(id, news.tags) });
    if (news.warmPool && JSON.stringify(news.warmPool) !== JSON.stringify(olds.warmPool)) await warm(id, news.warmPool);
    if (!news.warmPool && olds.warmPool) await api.deleteWarmPool({ AutoScalingGroupName, ForceDelete: true });
    if (before !== JSON.stringify([news.launchTemplate, news.mixedInstancesPolicy])) {
      const { strategy, preferences } = news.instanceRefresh;
      await api.startInstanceRefresh({
        AutoScalingGroupName,
        Strategy: strategy,
        Preferences: {
          MinHealthyPercentage: preferences.minHealthyPercentage,
          MaxHealthyPercentage: preferences.maxHealthyPercentage,
          SkipMatching: preferences.skipMatching,
          InstanceWarmup: Number(preferences.instanceWarmup),
          ScaleInProtectedInstances: preferences.scaleInProtectedInstances as "Wait",
          StandbyInstances: preferences.standbyInstances as "Wait",
        },
      });
    }
  },
  async delete(id, state) {
    const api = await autoScaling();
    const nothing = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
    await api.updateAutoScalingGroup({ AutoScalingGroupName: id, ...nothing, ...policyAgain(state) });
    await until(`${id} to be empty`, async () => ((await groupOf(id))?.Instances ?? []).length === 0);
    await api.deleteAutoScalingGroup({ AutoScalingGroupName: id, ForceDelete: false });
    await until(`${id} to be gone`, async () => (await groupOf(id)) === undefined);
  },
});

const schedule = resource({
  inputs: z.strictObject({
    autoscalingGroupName: text,
    scheduledActionName: text,
    recurrence: text,
    timeZone: text,
    minSize: count,
    maxSize: count,
    desiredCapacity: count,
  }),
  replaceOn: ["autoscalingGroupName", "scheduledActionName"],
  source: "autoscaling/schedule.go",
  computed: ["arn", "startTime", "endTime"],
  async create(inputs) {
    await putSchedule(inputs);
    return inputs.scheduledActionName;
  },
  async read(id, { autoscalingGroupName }) {
    if (!(await groupOf(autoscalingGroupName))) return undefined;
    const { ScheduledUpdateGroupActions } = await (await autoScaling()).describeScheduledActions({
      AutoScalingGroupName: autoscalingGroupName,
      ScheduledActionNames: [id],
    });
    const found = ScheduledUpdateGroupActions?.[0];
    return (
      found && {
        autoscalingGroupName: found.AutoScalingGroupName,
        scheduledActionName: found.ScheduledActionName,
        recurrence: found.Recurrence,
        timeZone: found.TimeZone,
        minSize: found.MinSize,
        maxSize: found.MaxSize,
        desiredCapacity: found.DesiredCapacity,
      }
    );
  },
  // The provider sends back the start time that AWS filled in, the schedule's first time: past by then.
  update: async () => {
    throw new Error("ValidationError: Given start time is in the past");
  },
  async delete(id, { autoscalingGroupName }) {
    await (await autoScaling()).deleteScheduledAction({
      AutoScalingGroupName: autoscalingGroupName,
      ScheduledActionName: id,
    });
  },
});

async function putSchedule(inputs: {
  autoscalingGroupName: string;
  scheduledActionName: string;
  recurrence: string;
  timeZone: string;
  minSize: number;
  maxSize: number;
  desiredCapacity: number;
}): Promise<void> {
  await (await autoScaling()).putScheduledUpdateGroupAction({
    AutoScalingGroupName: inputs.autoscalingGroupName,
    ScheduledActionName: inputs.scheduledActionName,
    Recurrence: inputs.recurrence,
    TimeZone: inputs.timeZone,
    MinSize: inputs.minSize,
    MaxSize: inputs.maxSize,
    DesiredCapacity: inputs.desiredCapacity,
  });
}

const hookInputs = z.strictObject({
  autoscalingGroupName: text,
  name: text,
  lifecycleTransition: text,
  heartbeatTimeout: count,
  defaultResult: z.enum(["ABANDON", "CONTINUE"]),
});

async function putHook(inputs: z.infer<typeof hookInputs>): Promise<void> {
  await (await autoScaling()).putLifecycleHook({
    AutoScalingGroupName: inputs.autoscalingGroupName,
    LifecycleHookName: inputs.name,
    LifecycleTransition: inputs.lifecycleTransition,
    HeartbeatTimeout: inputs.heartbeatTimeout,
    DefaultResult: inputs.defaultResult,
  });
}

const lifecycleHook = resource({
  inputs: hookInputs,
  autoName: "name",
  replaceOn: ["name"],
  source: "autoscaling/lifecycle_hook.go",
  computed: [],
  async create(inputs) {
    await putHook(inputs);
    return inputs.name;
  },
  async read(id, { autoscalingGroupName }) {
    if (!(await groupOf(autoscalingGroupName))) return undefined;
    const { LifecycleHooks } = await (await autoScaling()).describeLifecycleHooks({
      AutoScalingGroupName: autoscalingGroupName,
      LifecycleHookNames: [id],
    });
    const found = LifecycleHooks?.[0];
    return (
      found && {
        autoscalingGroupName: found.AutoScalingGroupName,
        name: found.LifecycleHookName,
        lifecycleTransition: found.LifecycleTransition,
        heartbeatTimeout: found.HeartbeatTimeout,
        defaultResult: found.DefaultResult,
      }
    );
  },
  update: async (_id, news) => await putHook(news),
  async delete(id, { autoscalingGroupName }) {
    await (await autoScaling()).deleteLifecycleHook({
      AutoScalingGroupName: autoscalingGroupName,
      LifecycleHookName: id,
    });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:autoscaling/group:Group": group,
  "aws:autoscaling/schedule:Schedule": schedule,
  "aws:autoscaling/lifecycleHook:LifecycleHook": lifecycleHook,
};
