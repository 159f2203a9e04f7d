import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity.js";
import * as pulumi from "@pulumi/pulumi";
import { machinePolicy } from "./policies.ts";
import { ServiceRole, type ServiceRoleArgs } from "./service-role.ts";

/** Arguments of {@link MachineRole}. */
export interface MachineRoleArgs extends Pick<ServiceRoleArgs, "permissionsBoundary" | "tags"> {
  readonly region: string;
  /** As in the machines' shape: a machine may signal for groups of this stack only. */
  readonly stack: string;
  /** Bucket of the runtime image: read only. */
  readonly bucketArn: pulumi.Input<string>;
  /** Key that bucket, logs and secret are encrypted with. */
  readonly keyArn: pulumi.Input<string>;
  /** Log groups that machines write to: `system` and `audit`. */
  readonly logGroupArns: readonly pulumi.Input<string>[];
  /** Secret with the model's key: read only. */
  readonly modelKeySecretArn: pulumi.Input<string>;
  /** @default looked up */
  readonly accountId?: pulumi.Input<string>;
}

/**
 * The role of machines, with its instance profile: reads the runtime image and the model's key, writes logs, signals its
 * own group, and is reached by SSM. Nothing else.
 */
export class MachineRole extends ServiceRole {
  constructor(name: string, args: MachineRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    const { region, stack, permissionsBoundary, tags } = args;
    const accountId = args.accountId ?? getCallerIdentityOutput().accountId;
    const policy = pulumi
      .all([accountId, args.bucketArn, args.keyArn, pulumi.all([...args.logGroupArns]), args.modelKeySecretArn])
      .apply(([account, bucketArn, keyArn, logGroupArns, modelKeySecretArn]) => {
        const partition = bucketArn.split(":")[1] ?? "aws";
        const groups = `arn:${partition}:autoscaling:${region}:${account}:autoScalingGroup:*`;
        const groupArns = `${groups}:autoScalingGroupName/cloister-${stack}-*`;
        return machinePolicy({ bucketArn, keyArn, logGroupArns, modelKeySecretArn, stack, region, groupArns });
      });
    const bounded = permissionsBoundary ? { permissionsBoundary } : {};
    const tagged = tags ? { tags } : {};
    super(name, { service: "ec2.amazonaws.com", forInstances: true, policy, ...bounded, ...tagged }, opts);
  }
}
