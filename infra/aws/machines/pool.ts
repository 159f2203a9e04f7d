import { Group } from "@pulumi/aws/autoscaling/group.js";
import { LifecycleHook } from "@pulumi/aws/autoscaling/lifecycleHook.js";
import { Schedule } from "@pulumi/aws/autoscaling/schedule.js";
import type { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate.js";
import * as pulumi from "@pulumi/pulumi";
import { POOL, REFRESH } from "../defaults.ts";
import { type InputProblem, refuseInputs } from "../input-problems.ts";
import { groupOf, groupsFor, share, startSeconds } from "../plan/groups.ts";
import { METADATA_TAG } from "../tags.ts";
import { type MachineShape, machineTemplate } from "./machine-template.ts";

/** Another size at certain times. */
export interface PoolSchedule {
  /** Cron expression of five fields. */
  readonly cron: string;
  readonly timeZone: string;
  readonly min: number;
  readonly max: number;
  readonly desired: number;
}

/** Arguments of {@link Pool}. Numbers are those of the whole pool. */
export interface PoolArgs {
  readonly shape: MachineShape;
  readonly subnetIds: readonly pulumi.Input<string>[];
  readonly min: number;
  readonly max: number;
  /** Machines to have now. @default left to the schedules and to who scales the group */
  readonly desired?: number;
  /** Size of the groups when they are made, such as that of the schedule in force. @default min, max and desired */
  readonly sizeNow?: Readonly<Record<"min" | "max" | "desired", number>>;
  /** @default the shape's */
  readonly instanceType?: string;
  readonly schedules?: Readonly<Record<string, PoolSchedule>>;
  /** Spot machines, with on-demand ones for a base and a share. @default none */
  readonly spot?: {
    readonly onDemandBase: number;
    readonly onDemandPercent: number;
    readonly instanceTypes: readonly string[];
  };
  /** Machines that wait, stopped or running. Measure before use: on a baked image it may cost time. @default none */
  readonly warmPool?: { readonly minSize: number; readonly state: "Stopped" | "Running" };
  /** Seconds that a stopping machine may spend on commands that still run; at most 7200. @default 900 */
  readonly drainSeconds?: number;
  /** Seconds that a starting machine has for its verification. A group has its first value for good. @default 900 */
  readonly verifySeconds?: number;
}

/** One Auto Scaling group of a pool, as outputs show it. */
export interface PoolGroup {
  readonly group: string;
  readonly templateVersion: number;
}

const LAUNCH_HOOK = "verified";
const TERMINATE_HOOK = "drained";

/** A pool's arguments with their defaults, and the template that all of its groups have. */
interface Plan extends PoolArgs {
  /** The pool's name. */
  readonly pool: string;
  readonly instanceType: string;
  readonly drainSeconds: number;
  readonly verifySeconds: number;
  readonly template: LaunchTemplate;
}

/** One group's part of its pool. */
interface Part {
  /** Logical name. */
  readonly name: string;
  readonly index: number;
  /** The number of groups. */
  readonly count: number;
}

/**
 * Interchangeable machines: one launch template, and one Auto Scaling group for every 500. A machine counts as started when
 * it signals that its verification passed, and stops when its commands have ended.
 */
export class Pool extends pulumi.ComponentResource {
  readonly groups: pulumi.Output<PoolGroup[]>;
  /** Least time until `max` machines are started with EC2's default limits, in seconds. */
  readonly startSeconds: number;

  constructor(name: string, args: PoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Pool", name, {}, opts);
    refuseInputs("Pool", problemsOf(args));
    this.startSeconds = startSeconds(args.max);
    const { shape, spot, instanceType = shape.instanceType, drainSeconds, verifySeconds } = { ...POOL, ...args };
    // One for all groups: a machine learns its own group from the tag that Auto Scaling gives it.
    const template = machineTemplate(
      name,
      name,
      {
        shape,
        instanceType,
        otherTypes: spot?.instanceTypes ?? [],
        sessionDiskGiB: shape.sessionDiskGiB,
        ownSessionDisk: true,
        tags: { "cloister:pool": name },
        pool: { launchHook: LAUNCH_HOOK, terminateHook: TERMINATE_HOOK, verifySeconds, drainSeconds },
      },
      this,
    );
    const plan = { ...args, pool: name, instanceType, drainSeconds, verifySeconds, template };
    const count = groupsFor(args.max);
    const groups = Array.from({ length: count }, (_, index) =>
      this.#make(plan, { name: groupOf(name, index), index, count }),
    );
    this.groups = pulumi.output(groups);
    // The state of a large pool shall be hardly larger than that of a small one: its groups are in the stack's outputs.
    this.registerOutputs({ startSeconds: this.startSeconds });
  }

  /** Makes one group with its hook and its schedules. */
  #make(plan: Plan, part: Part): pulumi.Output<PoolGroup> {
    const group = this.#group(plan, part);
    this.#terminateHook(plan, part, group);
    this.#schedules(plan, part, group);
    return pulumi
      .all([group.name, plan.template.latestVersion])
      .apply(([made, templateVersion]) => ({ group: made, templateVersion }));
  }

  #group(plan: Plan, part: Part): Group {
    const { shape, warmPool, desired, drainSeconds, verifySeconds } = plan;
    const { name } = part;
    const size = plan.sizeNow ?? { min: plan.min, max: plan.max, desired };
    const scheduled = Object.keys(plan.schedules ?? {}).length > 0;
    return new Group(
      name,
      {
        name: groupName(plan, part),
        minSize: shareOf(size.min, part),
        maxSize: shareOf(size.max, part),
        ...(size.desired === undefined ? {} : { desiredCapacity: shareOf(size.desired, part) }),
        vpcZoneIdentifiers: [...plan.subnetIds],
        ...instances(plan, part),
        healthCheckGracePeriod: 60,
        // Balancing zones anew would end machines that have work. So would scale-in: machines protect themselves meanwhile.
        // Which machine goes then is by AWS's default: those of the oldest template first.
        suspendedProcesses: ["AZRebalance"],
        // Part of the group's creation: without it the first machines would be in service before they are verified.
        initialLifecycleHooks: [
          {
            name: LAUNCH_HOOK,
            lifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
            heartbeatTimeout: verifySeconds,
            defaultResult: "ABANDON",
          },
        ],
        instanceRefresh: {
          strategy: "Rolling",
          preferences: {
            ...REFRESH,
            skipMatching: true,
            // A machine is of use when its hook is completed: no further waiting.
            instanceWarmup: "0",
            // No autoRollback: the provider gives the group its new template before it starts the refresh, so that there would
            // be nothing to go back to (hashicorp/terraform-provider-aws#34189).
            // Busy machines are protected against scale-in; a refresh waits for them.
            scaleInProtectedInstances: "Wait",
            standbyInstances: "Wait",
          },
        },
        ...(warmPool
          ? {
              warmPool: {
                minSize: warmPool.minSize,
                poolState: warmPool.state,
                instanceReusePolicy: { reuseOnScaleIn: false },
              },
            }
          : {}),
        // `up` shall not wait for a thousand machines: outputs and the dashboard show how many are ready.
        waitForCapacityTimeout: "0",
        // The metrics that the dashboard shows.
        enabledMetrics: ["GroupDesiredCapacity", "GroupInServiceInstances"],
        // By its tags an operator finds a stack's groups without Pulumi's state.
        tags: Object.entries({ ...shape.tags, "cloister:pool": plan.pool }).map(([key, value]) => ({
          key,
          value,
          propagateAtLaunch: true,
        })),
      },
      {
        parent: this,
        // The provider waits ten minutes for the last machine of a group that goes, whatever its hook allows.
        customTimeouts: { update: groupTimeout(drainSeconds), delete: groupTimeout(drainSeconds) },
        // Unless the size is requested here, the program leaves it to schedules and operators.
        ignoreChanges: [
          "initialLifecycleHooks",
          ...(scheduled || desired === undefined ? ["desiredCapacity"] : []),
          ...(scheduled ? ["minSize", "maxSize"] : []),
        ],
      },
    );
  }

  /** A resource of its own: a group never changes the hooks of its creation. */
  #terminateHook(plan: Plan, part: Part, group: Group): void {
    new LifecycleHook(
      `${part.name}-${TERMINATE_HOOK}`,
      {
        autoscalingGroupName: groupName(plan, part),
        name: TERMINATE_HOOK,
        lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        heartbeatTimeout: plan.drainSeconds,
        defaultResult: "CONTINUE",
      },
      // It goes with the group and not before it, or the group's last machines would not be waited for. A new group of the
      // same name has none of the old one's hooks.
      { parent: this, dependsOn: group, replaceWith: [group], retainOnDelete: true },
    );
  }

  #schedules(plan: Plan, part: Part, group: Group): void {
    for (const [when, at] of Object.entries(plan.schedules ?? {})) {
      new Schedule(
        `${part.name}-${when}`,
        {
          autoscalingGroupName: group.name,
          scheduledActionName: when,
          recurrence: at.cron,
          timeZone: at.timeZone,
          minSize: shareOf(at.min, part),
          maxSize: shareOf(at.max, part),
          desiredCapacity: shareOf(at.desired, part),
        },
        {
          parent: this,
          // An update would send the start time that AWS filled in, which is past soon (pulumi/pulumi-aws#2473).
          replaceOnChanges: ["recurrence", "timeZone", "minSize", "maxSize", "desiredCapacity"],
          deleteBeforeReplace: true,
        },
      );
    }
  }
}

const groupName = ({ shape }: Plan, { name }: Part): string => `cloister-${shape.stack}-${name}`;

const shareOf = (total: number, { index, count }: Part): number => share(total, count)[index] ?? 0;

/** The part of a group's arguments that says of which template and types its machines are. */
function instances({ template, spot, instanceType }: Plan, part: Part) {
  // Never "$Latest": the group would not change with the template, and no refresh would start.
  const version = template.latestVersion.apply(String);
  if (!spot) return { launchTemplate: { id: template.id, version } };
  return {
    capacityRebalance: true,
    mixedInstancesPolicy: {
      instancesDistribution: {
        onDemandBaseCapacity: shareOf(spot.onDemandBase, part),
        onDemandPercentageAboveBaseCapacity: spot.onDemandPercent,
        spotAllocationStrategy: "price-capacity-optimized",
      },
      launchTemplate: {
        launchTemplateSpecification: { launchTemplateId: template.id, version },
        overrides: [instanceType, ...spot.instanceTypes].map((type) => ({ instanceType: type })),
      },
    },
  };
}

/** Time that the provider waits for a group: what commands may take, and ten minutes for a machine to end. */
const groupTimeout = (drainSeconds: number): string => `${Math.ceil(drainSeconds / 60) + 10}m`;

function problemsOf(args: PoolArgs): InputProblem[] {
  const problems: InputProblem[] = [];
  if (args.min > args.max) problems.push({ propertyPath: "min", reason: "is above max" });
  if (args.desired !== undefined && (args.desired < args.min || args.desired > args.max)) {
    problems.push({ propertyPath: "desired", reason: "must be from min to max" });
  }
  if (args.subnetIds.length === 0) problems.push({ propertyPath: "subnetIds", reason: "must name a subnet" });
  const wrong = Object.keys(args.shape.tags).filter((key) => !METADATA_TAG.test(key));
  if (wrong.length > 0)
    problems.push({ propertyPath: "shape.tags", reason: `has keys that instance metadata does not take: ${wrong}` });
  if (args.warmPool && args.spot) problems.push({ propertyPath: "warmPool", reason: "does not go with Spot machines" });
  return problems;
}
