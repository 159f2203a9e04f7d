import { GetPolicyCommand, GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { HeadBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Inputs } from "../../infra/bootstrap/inputs.ts";
import { iamArn, POLICIES, PROJECT, ROLES } from "../../infra/bootstrap/names.ts";
import { clientSettings, wantsPathStyle } from "../aws/clients.ts";
import { asked } from "../aws/errors.ts";
import { OperatorError } from "../errors.ts";

/** What is in the account before anything is done. */
export interface Found {
  readonly bucket: "none" | "there" | "with the account's state";
  /** Names of the role and the policy of ours that the account has: there is one of each in an account. */
  readonly taken: readonly string[];
}

/**
 * Tells why a run would make a second of something, or stop half-way.
 *
 * @param hasHere an earlier run from here has left a state of this account and bucket
 * @returns nothing when the run may go on
 */
export function inTheWay({ bucket, taken }: Found, hasHere: boolean, inputs: Inputs): string | undefined {
  if (bucket === "with the account's state" || hasHere) return undefined;
  if (bucket === "there")
    return `--bucket ${inputs.bucket}: the bucket is there, and this program did not make it, or not from this computer. Take another name; or, if a run from another computer was interrupted, run the command there again.`;
  if (taken.length === 0) return undefined;
  return `--account ${inputs.accountId}: it has ${taken.join(" and ")} already, and one account takes one of each, whatever the region. Nothing was made. If cloister bootstrap made it ready before, write the --bucket and --region of that time, or, for another region, use another account. If a run from another computer was interrupted, run the command there again. If people made it ready, go on by hand (docs/aws-reference.md#the-deployers-policy).`;
}

/**
 * Looks whether the credentials are those of the account, and how far an earlier run came.
 *
 * @throws OperatorError for another account, and for a bucket of somebody else's
 */
export async function lookAt(inputs: Inputs): Promise<Found> {
  const { accountId, region } = inputs;
  const { Account = "", Arn = "" } = await asked(
    "AWS does not say whose credentials these are",
    async () => await new STSClient(clientSettings(region)).send(new GetCallerIdentityCommand({})),
  );
  if (Account !== accountId)
    throw new OperatorError(
      `--account ${accountId}: the credentials are those of ${Arn}. Sign in to that account, or write ${Account}.`,
    );
  return { bucket: await bucketIn(inputs), taken: await takenIn(inputs) };
}

async function takenIn(inputs: Inputs): Promise<readonly string[]> {
  const iam = new IAMClient(clientSettings(inputs.region));
  const there = async (name: string, call: Promise<unknown>): Promise<string[]> =>
    await call.then(
      () => [name],
      (error: { name: string }) => {
        if (/^NoSuchEntity(?:Exception)?$/.test(error.name)) return [];
        throw error;
      },
    );
  const PolicyArn = iamArn(inputs, `policy/${POLICIES.boundary}`);
  return await asked("roles and policies of the account cannot be read", async () =>
    (
      await Promise.all([
        there(`the role ${ROLES.deployer}`, iam.send(new GetRoleCommand({ RoleName: ROLES.deployer }))),
        there(`the policy ${POLICIES.boundary}`, iam.send(new GetPolicyCommand({ PolicyArn }))),
      ])
    ).flat(),
  );
}

async function bucketIn({ accountId, region, bucket }: Inputs): Promise<Found["bucket"]> {
  const s3 = new S3Client({ ...clientSettings(region), forcePathStyle: wantsPathStyle() });
  const mine = { Bucket: bucket, ExpectedBucketOwner: accountId };
  const isThere = await s3.send(new HeadBucketCommand(mine)).then(
    () => true,
    (error: { name: string; $metadata?: { httpStatusCode?: number } }) => {
      const status = error.$metadata?.httpStatusCode;
      if (status === 404) return false;
      if (status === 403 || status === 301)
        throw new OperatorError(
          `--bucket ${bucket}: is there already, in ${status === 301 ? "another region" : "another account, or not to be read with these credentials"}. Names of buckets are unique in all of AWS: take another.`,
        );
      throw error;
    },
  );
  if (!isThere) return "none";
  const Prefix = `.pulumi/stacks/${PROJECT}/`;
  const { KeyCount = 0 } = await asked(
    "the bucket cannot be read",
    async () => await s3.send(new ListObjectsV2Command({ ...mine, Prefix, MaxKeys: 1 })),
  );
  return KeyCount > 0 ? "with the account's state" : "there";
}
