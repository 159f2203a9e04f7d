import { LifecyclePolicy } from "@pulumi/aws/dlm/lifecyclePolicy.js";
import * as pulumi from "@pulumi/pulumi";
import { snapshotPolicy } from "../access/policies.ts";
import { ServiceRole } from "../access/service-role.ts";
import { partitionOf } from "../partition.ts";
import type { Tags } from "../tags.ts";

/** Arguments of {@link Snapshots}. */
export interface SnapshotsArgs {
  readonly region: string;
  /** Disks whose tag `cloister:snapshots` has this value. */
  readonly stack: string;
  /** ARN of the disks' key. */
  readonly keyArn: pulumi.Input<string>;
  /** Hours between two snapshots: 2, 4, 6, 8, 12 or 24. */
  readonly everyHours: number;
  /** Number of snapshots kept of each disk. */
  readonly keep: number;
  /** The account of the disks, for which alone the service may take the role. @default any */
  readonly accountId?: pulumi.Input<string>;
  readonly permissionsBoundary?: string;
  readonly tags?: Tags;
}

/** Snapshots of the session disks of named machines, by Data Lifecycle Manager; encrypted with the disk's own key. */
export class Snapshots extends pulumi.ComponentResource {
  constructor(name: string, args: SnapshotsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Snapshots", name, {}, opts);
    const tags = { ...args.tags };
    const role = new ServiceRole(
      name,
      {
        service: "dlm.amazonaws.com",
        policy: pulumi
          .output(args.keyArn)
          .apply((keyArn) => snapshotPolicy(args.region, partitionOf(args.region), keyArn)),
        tags,
        ...(args.accountId ? { sourceAccount: args.accountId } : {}),
        ...(args.permissionsBoundary ? { permissionsBoundary: args.permissionsBoundary } : {}),
      },
      { parent: this },
    );
    new LifecyclePolicy(
      name,
      {
        description: `cloister ${args.stack} session disks`,
        executionRoleArn: role.arn,
        state: "ENABLED",
        policyDetails: {
          policyType: "EBS_SNAPSHOT_MANAGEMENT",
          resourceTypes: ["VOLUME"],
          targetTags: { "cloister:snapshots": args.stack },
          schedules: [
            {
              name: "session disks",
              copyTags: true,
              createRule: { interval: args.everyHours, intervalUnit: "HOURS", times: "03:00" },
              retainRule: { count: args.keep },
            },
          ],
        },
        tags,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
