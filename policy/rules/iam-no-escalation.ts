import type { ResourceRule } from "../core/rule.ts";
import { eachStatement } from "../core/statements.ts";
import { ATTACHMENT, GROUP_POLICY, POLICY, ROLE, ROLE_POLICY, USER_POLICY } from "../core/types.ts";

/**
 * Rights by which a holder gives itself others: policies, keys, roles, code that runs under another role, keys' policies,
 * commands on machines.
 */
const ESCALATES =
  /^(?:iam:(?:(?:Attach|Put)(?:Role|User|Group)Policy|Create(?:AccessKey|LoginProfile|PolicyVersion|Role|User|ServiceSpecificCredential)|SetDefaultPolicyVersion|UpdateAssumeRolePolicy|UpdateLoginProfile|AddUserToGroup|PassRole|AddRoleToInstanceProfile|Delete(?:Role|User)PermissionsBoundary|(?:Put)(?:Role|User)PermissionsBoundary|DeactivateMFADevice|ResyncMFADevice)|sts:AssumeRole[A-Za-z]*|lambda:(?:CreateFunction|UpdateFunctionCode|UpdateFunctionConfiguration|AddPermission|InvokeFunction)|ec2:(?:RunInstances|AssociateIamInstanceProfile|ReplaceIamInstanceProfileAssociation|ModifyInstanceAttribute|CreateLaunchTemplateVersion)|ssm:(?:SendCommand|StartSession|StartAutomationExecution)|cloudformation:(?:Create|Update)Stack|kms:PutKeyPolicy|s3:PutBucketPolicy|secretsmanager:PutResourcePolicy|glue:(?:Create|Update)DevEndpoint|datapipeline:CreatePipeline|codebuild:(?:Create|Update)Project)$/i;
/** A grant for AWS's own services alone gives its holder nothing. */
const GRANT = /^kms:CreateGrant$/i;

export const iamNoEscalation: ResourceRule = {
  name: "iam-no-escalation",
  severity: "critical",
  reason: "A role with such a right has in truth every right.",
  remedy: "Take the action away. The deployer has it, bounded (docs/aws.md); a stack's own roles need none.",
  link: "docs/aws-security.md",
  types: [ROLE, ROLE_POLICY, POLICY, USER_POLICY, GROUP_POLICY, ATTACHMENT],
  check: (resource, report) => {
    const { type, props } = resource;
    if (type === ATTACHMENT || (type === ROLE && props.at("managedPolicyArns").list().length > 0)) {
      report("it takes a policy that is written elsewhere: nobody can see here what that allows");
      return;
    }
    eachStatement(resource, ({ effect, actions, condition }) => {
      if (effect !== "Allow") return;
      const forService = condition.at("Bool", "kms:GrantIsForAWSResource").flag() === true;
      for (const action of actions)
        if (ESCALATES.test(action) || (GRANT.test(action) && !forService)) report(`it allows ${action}`);
    });
  },
};
