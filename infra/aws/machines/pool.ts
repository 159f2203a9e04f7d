import { Group } from "@pulumi/aws/autoscaling/group.js";
import { LifecycleHook } from "@pulumi/aws/autoscaling/lifecycleHook.js";
import { Schedule } from "@pulumi/aws/autoscaling/schedule.js";
import type { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate.js";
import * as pulumi from "@pulumi/pulumi";
import { type InputProblem, METADATA_TAG, refuseInputs } from "../component.ts";
import { cellsFor, share, startSeconds } from "../plan/cells.ts";
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
export interface Cell {
  readonly group: string;
  readonly templateVersion: number;
}

const LAUNCH_HOOK = "verified";
const TERMINATE_HOOK = "drained";

/**
 * Interchangeable machines: one launch template, and one Auto Scaling group for every 500. A machine counts as started when
 * it signals that its verification passed, and stops when its commands have ended.
 */
export class Pool extends pulumi.ComponentResource {
  readonly cells: pulumi.Output<Cell[]>;
  /** Least time until `max` machines are started with EC2's default limits, in seconds. */
  readonly startSeconds: number;

  constructor(name: string, args: PoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Pool", name, {}, opts);
    refuseInputs("Pool", problemsOf(args));
    const { max } = args;
    const count = cellsFor(max);
    this.startSeconds = startSeconds(max);
    const shares = { min: share(args.min, count), max: share(max, count), desired: share(args.desired ?? 0, count) };
    const { drainSeconds = 900, verifySeconds = 900 } = args;
    const hooks = { launchHook: LAUNCH_HOOK, terminateHook: TERMINATE_HOOK, verifySeconds, drainSeconds };
    // One for all cells: a machine learns its own group from the tag that Auto Scaling gives it.
    const template = machineTemplate(
      name,
      name,
      {
        shape: args.shape,
        sessionDisk: true,
        tags: { "cloister:pool": name },
        pool: hooks,
        ...(args.instanceType ? { instanceType: args.instanceType } : {}),
        ...(args.spot ? { otherTypes: args.spot.instanceTypes } : {}),
      },
      this,
    );
    const cells = Array.from({ length: count }, (_, i) =>
      this.#cell(count === 1 ? name : `${name}-${i + 1}`, args, template, {
        min: shares.min[i] ?? 0,
        max: shares.max[i] ?? 0,
        ...(args.desired === undefined ? {} : { desired: shares.desired[i] ?? 0 }),
        index: i,
        count,
      }),
    );
    this.cells = pulumi.output(cells);
    // The state of a large pool shall be hardly larger than that of a small one: its cells are in the stack's outputs.
    this.registerOutputs({ startSeconds: this.startSeconds });
  }

  #cell(
    name: string,
    args: PoolArgs,
    template: LaunchTemplate,
    size: { min: number; max: number; desired?: number; index: number; count: number },
  ): pulumi.Output<Cell> {
    const { shape, spot, warmPool, drainSeconds = 900, verifySeconds = 900 } = args;
    const scheduled = Object.keys(args.schedules ?? {}).length > 0;
    const groupName = `cloister-${shape.stack}-${name}`;
    // Never "$Latest": the group would not change with the template, and no refresh would start.
    const version = template.latestVersion.apply(String);
    const group = new Group(
      name,
      {
        name: groupName,
        minSize: size.min,
        maxSize: size.max,
        ...(size.desired === undefined ? {} : { desiredCapacity: size.desired }),
        vpcZoneIdentifiers: [...args.subnetIds],
        ...(spot
          ? {
              capacityRebalance: true,
              mixedInstancesPolicy: {
                instancesDistribution: {
                  onDemandBaseCapacity: share(spot.onDemandBase, size.count)[size.index] ?? 0,
                  onDemandPercentageAboveBaseCapacity: spot.onDemandPercent,
                  spotAllocationStrategy: "price-capacity-optimized",
                },
                launchTemplate: {
                  launchTemplateSpecification: { launchTemplateId: template.id, version },
                  overrides: [args.instanceType ?? shape.instanceType, ...spot.instanceTypes].map((instanceType) => ({
                    instanceType,
                  })),
                },
              },
            }
          : { launchTemplate: { id: template.id, version } }),
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
            maxHealthyPercentage: 110,
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
        // Those that the dashboard shows.
        enabledMetrics: ["GroupDesiredCapacity", "GroupInServiceInstances"],
        // Machines have the pool's tag from their template; a group says its pool by its name.
        tags: Object.entries(shape.tags).map(([key, value]) => ({
          key,
          value,
          propagateAtLaunch: true,
        })),
      },
      {
        parent: this,
        // The provider waits ten minutes for the last machine of a group that goes, whatever its hook allows.
        customTimeouts: { update: groupTimeout(drainSeconds), delete: groupTimeout(drainSeconds) },
        // Without a wish of its own the program leaves the size to schedules and operators.
        ignoreChanges: [
          "initialLifecycleHooks",
          ...(scheduled || size.desired === undefined ? ["desiredCapacity"] : []),
          ...(scheduled ? ["minSize", "maxSize"] : []),
        ],
      },
    );
    // A resource of its own, since a group never changes the hooks of its creation. It goes with the group and not before it,
    // or the group's last machines would not be waited for.
    new LifecycleHook(
      `${name}-${TERMINATE_HOOK}`,
      {
        autoscalingGroupName: groupName,
        name: TERMINATE_HOOK,
        lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        heartbeatTimeout: drainSeconds,
        defaultResult: "CONTINUE",
      },
      // A new group of the same name has none of the old one's hooks.
      { parent: this, dependsOn: group, replaceWith: [group], retainOnDelete: true },
    );
    for (const [when, at] of Object.entries(args.schedules ?? {})) {
      new Schedule(
        `${name}-${when}`,
        {
          autoscalingGroupName: group.name,
          scheduledActionName: when,
          recurrence: at.cron,
          timeZone: at.timeZone,
          minSize: share(at.min, size.count)[size.index] ?? 0,
          maxSize: share(at.max, size.count)[size.index] ?? 0,
          desiredCapacity: share(at.desired, size.count)[size.index] ?? 0,
        },
        {
          parent: this,
          // An update would send the start time that AWS filled in, which is past soon (pulumi/pulumi-aws#2473).
          replaceOnChanges: ["recurrence", "timeZone", "minSize", "maxSize", "desiredCapacity"],
          deleteBeforeReplace: true,
        },
      );
    }
    return pulumi
      .all([group.name, template.latestVersion])
      .apply(([made, templateVersion]) => ({ group: made, templateVersion }));
  }
}

/** What commands may take, and ten minutes for a machine to end. */
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
