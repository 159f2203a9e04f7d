import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration.js";
import { BucketOwnershipControls } from "@pulumi/aws/s3/bucketOwnershipControls.js";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning.js";
import * as pulumi from "@pulumi/pulumi";
import { type PolicyDocument, tlsOnly } from "../access/policies.ts";
import type { Tags } from "../tags.ts";

/** Arguments of {@link closedBucket}. */
export interface ClosedBucketArgs {
  /** Name of the bucket. @default the resource's, with digits */
  readonly bucket?: string;
  readonly keyArn: pulumi.Input<string>;
  /** Lets the bucket go with all that is in it. @default false */
  readonly deleteWithContents?: boolean;
  /** Days that replaced and deleted objects are kept. @default 30 */
  readonly oldVersionsDays?: number;
  /** Statements of its policy beside that which refuses what is not encrypted on its way. @default none */
  readonly statements?: (bucketArn: string) => PolicyDocument["Statement"];
  readonly tags?: Tags;
}

/** A closed bucket. */
export interface ClosedBucket {
  /** Its name, known when it is encrypted, versioned and closed. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
}

/** A bucket that is private, encrypted by a key, versioned, and reached by TLS alone. */
export function closedBucket(name: string, args: ClosedBucketArgs, component: pulumi.Resource): ClosedBucket {
  const parent = { parent: component };
  // Without a name Pulumi adds random digits: names of buckets are unique in the world.
  const named = args.bucket === undefined ? {} : { bucket: args.bucket };
  const bucket = new Bucket(
    name,
    { ...named, forceDestroy: args.deleteWithContents ?? false, tags: { ...args.tags } },
    parent,
  );
  const of = { bucket: bucket.bucket };
  const block = new BucketPublicAccessBlock(
    `${name}-private`,
    { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    parent,
  );
  new BucketOwnershipControls(`${name}-ownership`, { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } }, parent);
  const versioning = new BucketVersioning(
    `${name}-versions`,
    { ...of, versioningConfiguration: { status: "Enabled" } },
    parent,
  );
  const byKey = { sseAlgorithm: "aws:kms", kmsMasterKeyId: args.keyArn };
  const encryption = new BucketServerSideEncryptionConfiguration(
    `${name}-encryption`,
    {
      ...of,
      rules: [{ applyServerSideEncryptionByDefault: byKey, bucketKeyEnabled: true, blockedEncryptionTypes: ["SSE-C"] }],
    },
    parent,
  );
  new BucketLifecycleConfiguration(
    `${name}-life-cycle`,
    {
      ...of,
      rules: [
        {
          id: "old-versions",
          status: "Enabled",
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays: args.oldVersionsDays ?? 30 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
      ],
    },
    { parent: component, dependsOn: versioning },
  );
  const policy = new BucketPolicy(
    `${name}-tls`,
    { ...of, policy: bucket.arn.apply((arn) => JSON.stringify(policyOf(arn, args))) },
    { parent: component, dependsOn: block },
  );
  return {
    bucket: pulumi.all([bucket.bucket, encryption.id, policy.id, versioning.id]).apply(([value]) => value),
    arn: bucket.arn,
  };
}

function policyOf(arn: string, { statements }: ClosedBucketArgs): PolicyDocument {
  const { Version, Statement } = tlsOnly(arn);
  return { Version, Statement: [...Statement, ...(statements?.(arn) ?? [])] };
}
