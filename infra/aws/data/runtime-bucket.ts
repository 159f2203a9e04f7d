import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration.js";
import { BucketOwnershipControls } from "@pulumi/aws/s3/bucketOwnershipControls.js";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning.js";
import * as pulumi from "@pulumi/pulumi";
import { tlsOnly } from "../access/policies.ts";
import type { Tags } from "../tags.ts";

/** Arguments of {@link RuntimeBucket}. */
export interface RuntimeBucketArgs {
  readonly keyArn: pulumi.Input<string>;
  /** Lets the bucket go with all that is in it. @default false */
  readonly deleteWithContents?: boolean;
  readonly tags?: Tags;
}

/** Private bucket for runtime images, each under its digest: `runtime/<sha256>.squashfs`. */
export class RuntimeBucket extends pulumi.ComponentResource {
  /** Name of the bucket, known when it is encrypted, versioned and closed. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: RuntimeBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:RuntimeBucket", name, {}, opts);
    const parent = { parent: this };
    // Pulumi adds random digits: names of buckets are unique in the world.
    const bucket = new Bucket(name, { forceDestroy: args.deleteWithContents ?? false, tags: { ...args.tags } }, parent);
    const of = { bucket: bucket.bucket };
    const block = new BucketPublicAccessBlock(
      `${name}-private`,
      { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      parent,
    );
    new BucketOwnershipControls(
      `${name}-ownership`,
      { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } },
      parent,
    );
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
        rules: [
          { applyServerSideEncryptionByDefault: byKey, bucketKeyEnabled: true, blockedEncryptionTypes: ["SSE-C"] },
        ],
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
            noncurrentVersionExpiration: { noncurrentDays: 30 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      { parent: this, dependsOn: versioning },
    );
    const policy = new BucketPolicy(
      `${name}-tls`,
      { ...of, policy: bucket.arn.apply((arn) => JSON.stringify(tlsOnly(arn))) },
      { parent: this, dependsOn: block },
    );
    this.bucket = pulumi.all([bucket.bucket, encryption.id, policy.id, versioning.id]).apply(([value]) => value);
    this.arn = bucket.arn;
    this.registerOutputs({ bucket: this.bucket, arn: this.arn });
  }
}
