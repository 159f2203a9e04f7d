/** Who may do what with the state, whatever their own policies say. */
import type { PolicyDocument } from "../aws/access/policies.ts";
import type { Inputs } from "./inputs.ts";
import { iamArn, PROJECT, ROLES } from "./names.ts";

const byRoles = (inputs: Inputs): object => ({
  ArnEquals: { "aws:PrincipalArn": Object.values(ROLES).map((name) => iamArn(inputs, `role/${name}`)) },
});

/**
 * Statements of the bucket's policy. The account's own state is an administrator's: a deployer who could write it would decide
 * what the next `cloister bootstrap` does. Old versions, with which a lost state comes back, are nobody's to delete.
 */
export function stateBucketStatements(inputs: Inputs, bucketArn: string): PolicyDocument["Statement"] {
  const below = ["stacks", "history", "backups", "locks"].map((kind) => [
    `${bucketArn}/.pulumi/${kind}/${PROJECT}/*`,
    `${bucketArn}/.pulumi/${kind}/organization/${PROJECT}/*`,
  ]);
  return [
    {
      Sid: "AccountsOwnState",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:DeleteObject", "s3:PutObject"],
      Resource: below.flat(),
      Condition: byRoles(inputs),
    },
    {
      Sid: "OldVersions",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"],
      Resource: [bucketArn, `${bucketArn}/*`],
      Condition: byRoles(inputs),
    },
  ];
}

/** The key's policy: IAM decides, but deployers, who may do much with the keys of their stacks, may not harm this one. */
export function stateKeyPolicy(inputs: Inputs): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Iam",
        Effect: "Allow",
        Principal: { AWS: iamArn(inputs, "root") },
        Action: ["kms:*"],
        Resource: "*",
      },
      {
        Sid: "NotByDeployers",
        Effect: "Deny",
        Principal: "*",
        Action: [
          "kms:CreateGrant",
          "kms:DeleteAlias",
          "kms:DisableKey",
          "kms:DisableKeyRotation",
          "kms:PutKeyPolicy",
          "kms:ScheduleKeyDeletion",
          "kms:UpdateAlias",
        ],
        Resource: "*",
        Condition: byRoles(inputs),
      },
    ],
  };
}
