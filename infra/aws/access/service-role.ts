import { InstanceProfile } from "@pulumi/aws/iam/instanceProfile.js";
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import * as pulumi from "@pulumi/pulumi";
import type { Tags } from "../tags.ts";
import { assumeRole, type PolicyDocument } from "./policies.ts";

/** Arguments of {@link ServiceRole}. */
export interface ServiceRoleArgs {
  /** Service that takes the role, such as `ec2.amazonaws.com`. */
  readonly service: string;
  readonly policy: pulumi.Input<PolicyDocument>;
  /** ARN of the policy that bounds the role. @default none */
  readonly permissionsBoundary?: string;
  /** The service may take the role only for things of this account. @default for any account's, as EC2 needs it */
  readonly sourceAccount?: pulumi.Input<string>;
  /** Makes an instance profile, by which instances get the role. @default false */
  readonly forInstances?: boolean;
  readonly tags?: Tags;
}

/** A role of one AWS service with one policy of its own. */
export class ServiceRole extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  /** Name of the instance profile; empty without one. */
  readonly profile: pulumi.Output<string>;

  constructor(name: string, args: ServiceRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:ServiceRole", name, {}, opts);
    const parent = { parent: this };
    const role = new Role(
      name,
      {
        assumeRolePolicy: args.sourceAccount
          ? pulumi.output(args.sourceAccount).apply((account) => assumeRole(args.service, account))
          : assumeRole(args.service),
        ...(args.permissionsBoundary ? { permissionsBoundary: args.permissionsBoundary } : {}),
        tags: { ...args.tags },
      },
      parent,
    );
    const policy = new RolePolicy(name, { role: role.name, policy: pulumi.jsonStringify(args.policy) }, parent);
    const profile = args.forInstances
      ? new InstanceProfile(name, { role: role.name, tags: { ...args.tags } }, parent)
      : undefined;
    // A machine that starts before its policy is there cannot fetch anything.
    this.arn = pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
    this.profile = profile
      ? pulumi.all([profile.name, policy.id]).apply(([value]) => value)
      : (pulumi.output("") as pulumi.Output<string>);
    this.registerOutputs({ arn: this.arn, profile: this.profile });
  }
}
