import { HeadBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Inputs } from "../../infra/bootstrap/inputs.ts";
import { PROJECT } from "../../infra/bootstrap/names.ts";
import { clientSettings } from "../aws/clients.ts";
import { asked } from "../aws/errors.ts";
import { OperatorError } from "../errors.ts";

/** What is in the account before anything is done. */
export type Found = "no bucket" | "a bucket" | "a bucket with the account's state";

/**
 * Looks whether the credentials are those of the account, and how far an earlier run came.
 *
 * @throws OperatorError for another account, and for a bucket of somebody else's
 */
export async function lookAt({ accountId, region, bucket }: Inputs): Promise<Found> {
  const { Account = "", Arn = "" } = await asked(
    "AWS does not say whose credentials these are",
    async () => await new STSClient(clientSettings(region)).send(new GetCallerIdentityCommand({})),
  );
  if (Account !== accountId)
    throw new OperatorError(
      `--account ${accountId}: the credentials are those of ${Arn}. Sign in to that account, or write ${Account}.`,
    );
  const forcePathStyle = Boolean(process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"]);
  const s3 = new S3Client({ ...clientSettings(region), forcePathStyle });
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
  if (!isThere) return "no bucket";
  const Prefix = `.pulumi/stacks/${PROJECT}/`;
  const { KeyCount = 0 } = await asked(
    "the bucket cannot be read",
    async () => await s3.send(new ListObjectsV2Command({ ...mine, Prefix, MaxKeys: 1 })),
  );
  return KeyCount > 0 ? "a bucket with the account's state" : "a bucket";
}
