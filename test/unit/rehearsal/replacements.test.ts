import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { MAPPED } from "../../../rehearsal/plugin/cloudformation/names.ts";
import { placeOf, rootOf } from "../../../rehearsal/plugin/cloudformation/translate.ts";
import { TYPES } from "../../../rehearsal/plugin/types/index.ts";

/** Properties that AWS's own schemas of CloudFormation let nobody change, by type. */
const { types: CREATE_ONLY } = JSON.parse(readFileSync(new URL("create-only.json", import.meta.url), "utf8")) as {
  types: Readonly<Record<string, readonly string[]>>;
};

/** Where the provider differs from CloudFormation: `more` it replaces on, `less` it changes in place. */
const DIFFERS: Readonly<Record<string, { readonly more?: readonly string[]; readonly less?: readonly string[] }>> = {
  // ReplaceRouteTableAssociation.
  "aws:ec2/routeTableAssociation:RouteTableAssociation": { less: ["routeTableId"] },
  "aws:ec2/eip:Eip": { more: ["domain"] },
  // ModifySecurityGroupRules. Another kind of source replaces the rule (docs/rehearsal.md), which the program does not do.
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    less: ["cidrIpv4", "fromPort", "ipProtocol", "prefixListId", "referencedSecurityGroupId", "toPort"],
  },
  // CloudFormation changes these where the instance may be stopped.
  "aws:ec2/instance:Instance": { more: ["ebsOptimized", "userDataBase64"] },
  // CloudFormation refuses the change of what the provider replaces.
  "aws:ebs/volume:Volume": { more: ["availabilityZone", "encrypted", "kmsKeyId"] },
  "aws:autoscaling/group:Group": { more: ["initialLifecycleHooks"] },
  // The provider's id of a hook has its name alone in it: the group's name is not forced anew.
  "aws:autoscaling/lifecycleHook:LifecycleHook": { less: ["autoscalingGroupName"] },
  "aws:autoscaling/schedule:Schedule": { more: ["scheduledActionName"] },
  // They are changed one by one here.
  "aws:budgets/budget:Budget": { less: ["notifications"] },
};

/** Types of the provider that are part of another one in CloudFormation. */
const PARTS =
  /^aws:(iam\/rolePolicyAttachment|s3\/bucket(Versioning|ServerSide\w+|PublicAccessBlock|OwnershipControls|Lifecycle\w+)|vpc\/securityGroupIngressRule|route53\/resolverFirewallRule):/;

describe("the stand-in's table of replacements", () => {
  for (const [type, mapped] of Object.entries(MAPPED).filter(([token]) => !PARTS.test(token))) {
    const { cloudFormation } = mapped;
    it(`agrees with AWS's schema of ${cloudFormation}`, () => {
      const known = TYPES[type];
      assert.ok(known, type);
      const { more = [], less = [] } = DIFFERS[type] ?? {};
      const inputs = Object.keys((known.inputs as unknown as z.ZodObject).shape);
      const createOnly = CREATE_ONLY[cloudFormation] ?? assert.fail(cloudFormation);
      const placed = inputs.filter((name) => !mapped.without?.[name] && !mapped.apart?.[name]);
      const theirs = placed.filter((name) => createOnly.includes(placeOf(mapped, name, rootOf(mapped)).join("/")));
      const ours = new Set(known.replaceOn.map((path) => path.split(".")[0] ?? ""));
      assert.deepEqual([...ours].filter((name) => !theirs.includes(name)).sort(), [...more].sort(), "replaces on more");
      assert.deepEqual([...new Set(theirs)].filter((name) => !ours.has(name)).sort(), [...less].sort(), "on less");
    });
  }
});
