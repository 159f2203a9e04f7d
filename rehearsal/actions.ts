/** The actions of IAM that calls of the API need. */
import type { Call } from "./plugin/clients.ts";

/** Actions that are not named like the operation (Service Authorization Reference). */
const OTHER_NAME: Readonly<Record<string, string>> = {
  "budgets:CreateBudget": "ModifyBudget",
  "budgets:CreateNotification": "ModifyBudget",
  "budgets:DeleteBudget": "ModifyBudget",
  "budgets:UpdateBudget": "ModifyBudget",
  "budgets:DescribeBudget": "ViewBudget",
  "s3:HeadBucket": "ListBucket",
  "s3:ListObjectVersions": "ListBucketVersions",
  "s3:GetBucketEncryption": "GetEncryptionConfiguration",
  "s3:PutBucketEncryption": "PutEncryptionConfiguration",
  "s3:DeleteBucketEncryption": "PutEncryptionConfiguration",
  "s3:GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
  "s3:PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
  "s3:DeleteBucketLifecycle": "PutLifecycleConfiguration",
  "s3:GetPublicAccessBlock": "GetBucketPublicAccessBlock",
  "s3:PutPublicAccessBlock": "PutBucketPublicAccessBlock",
  "s3:DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
  "s3:DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
};

/** Actions that an operation needs beside its own, as this program makes it (same reference, "dependent actions"). */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  "autoscaling:CreateAutoScalingGroup": [
    "ec2:RunInstances",
    "ec2:CreateTags",
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
  ],
  "autoscaling:StartInstanceRefresh": ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"],
  "cloudwatch:PutMetricAlarm": ["iam:CreateServiceLinkedRole"],
  "dlm:CreateLifecyclePolicy": ["iam:PassRole"],
  "ec2:AllocateAddress": ["ec2:CreateTags"],
  "ec2:CreateFlowLogs": ["iam:PassRole"],
  "ec2:CreateVpcEndpoint": ["ec2:CreateTags", "route53:AssociateVPCWithHostedZone"],
  "ec2:CreateVolume": ["ec2:CreateTags", "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"],
  "ec2:RunInstances": ["ec2:CreateTags", "iam:PassRole", "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"],
  "iam:AddRoleToInstanceProfile": ["iam:PassRole"],
  "secretsmanager:CreateSecret": ["kms:Decrypt", "kms:GenerateDataKey"],
};

/** The actions that calls of the API need, each once. */
export function actionsOf(calls: readonly Pick<Call, "service" | "operation">[]): string[] {
  const actions = calls.flatMap(({ service, operation }) => {
    const name = `${service}:${operation}`;
    return [`${service}:${OTHER_NAME[name] ?? operation}`, ...(ALSO[name] ?? [])];
  });
  return [...new Set(actions)].sort();
}
