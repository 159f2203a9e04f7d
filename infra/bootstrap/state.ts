/** Who may do what with the state, whatever else their own policies say. */
import { deployerPolicy, KNOWN_TYPES, type Policy } from "../aws/access/deployer-policy.ts";
import type { PolicyDocument } from "../aws/access/policies.ts";
import { partitionOf } from "../aws/partition.ts";
import type { Inputs } from "./inputs.ts";
import { iamArn, KEY_ALIAS, POLICIES, PROJECT, ROLES, STACK } from "./names.ts";

/** Something that deployers may not do. */
interface Denied {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
}

const byRoles = (inputs: Inputs): object => ({
  ArnEquals: { "aws:PrincipalArn": Object.values(ROLES).map((name) => iamArn(inputs, `role/${name}`)) },
});

/**
 * The account's own state is an administrator's: a deployer who could write it would decide what the next `cloister bootstrap`
 * does. So is the store's version: an older Pulumi's store has this state elsewhere, where a deployer could put one. Old
 * versions, with which a lost state comes back, are nobody's to delete.
 */
function deniedInBucket(bucketArn: string): readonly Denied[] {
  const store = `${bucketArn}/.pulumi`;
  const below = ["stacks", "history", "backups", "locks"].flatMap((kind) => [
    `${store}/${kind}/${PROJECT}/*`,
    `${store}/${kind}/organization/${PROJECT}/*`,
  ]);
  return [
    {
      Sid: "AccountsOwnState",
      Action: ["s3:DeleteObject", "s3:PutObject"],
      // `stacks/*.json` would be every stack's: a `*` of IAM's goes over slashes, too.
      Resource: [...below, `${store}/meta.yaml`, `${store}/stacks/${STACK}.json*`],
    },
    {
      Sid: "OldVersions",
      Action: ["s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"],
      Resource: [bucketArn, `${bucketArn}/*`],
    },
  ];
}

/** Deployers may do much with the keys of their stacks: not this with the state's. */
const HARM_TO_KEY = [
  "kms:CreateGrant",
  "kms:DeleteAlias",
  "kms:DisableKey",
  "kms:DisableKeyRotation",
  "kms:PutKeyPolicy",
  "kms:ScheduleKeyDeletion",
  "kms:UpdateAlias",
];

/** Statements of the bucket's policy. */
export function stateBucketStatements(inputs: Inputs, bucketArn: string): PolicyDocument["Statement"] {
  return deniedInBucket(bucketArn).map(({ Sid, ...denied }) => ({
    Sid,
    Effect: "Deny",
    Principal: "*",
    ...denied,
    Condition: byRoles(inputs),
  }));
}

/** The key's policy: IAM decides, but deployers may not harm this one. */
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
        Action: HARM_TO_KEY,
        Resource: "*",
        Condition: byRoles(inputs),
      },
    ],
  };
}

/**
 * The deployer's policy in an account that is made ready. It denies by itself, too, what bucket and key deny the two roles:
 * people have it with a role of their own.
 *
 * @param stateKey ARN of the state's key
 */
export function accountDeployerPolicy(inputs: Inputs, stateKey: string): Policy {
  const { accountId, region, bucket } = inputs;
  const partition = partitionOf(region);
  const boundary = iamArn(inputs, `policy/${POLICIES.boundary}`);
  const { Version, Statement } = deployerPolicy(KNOWN_TYPES, region, { stateBucket: bucket, stateKey, boundary });
  const alias = `arn:${partition}:kms:${region}:${accountId}:${KEY_ALIAS}`;
  const denied: readonly Denied[] = [
    ...deniedInBucket(`arn:${partition}:s3:::${bucket}`),
    { Sid: "KeyOfState", Action: HARM_TO_KEY, Resource: [stateKey, alias] },
  ];
  return {
    Version,
    Statement: [...denied.map(({ Sid, ...rest }) => ({ Sid, Effect: "Deny" as const, ...rest })), ...Statement],
  };
}
