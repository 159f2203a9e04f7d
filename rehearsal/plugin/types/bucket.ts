/** The runtime bucket and its settings, each a resource of its own: s3. */
import type { EncryptionType, ServerSideEncryption } from "@aws-sdk/client-s3";
import { z } from "zod";
import { made, s3 } from "../clients.ts";
import {
  arn,
  count,
  flag,
  type Props,
  type ResourceType,
  resource,
  tagList,
  tagMap,
  tags,
  text,
  unlessGone,
} from "../resource.ts";

const bucket = resource({
  inputs: z.strictObject({ bucket: text.max(63), forceDestroy: flag, tags }),
  autoName: "bucket",
  replaceOn: ["bucket"],
  source: "s3/bucket.go",
  computed: ["arn", "bucketDomainName", "bucketRegionalDomainName", "hostedZoneId", "tagsAll"],
  async create(inputs, { region }) {
    const api = await s3();
    await api.createBucket({
      Bucket: inputs.bucket,
      ...(region === "us-east-1"
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: region as "eu-central-1" } }),
    });
    made(inputs.bucket);
    if (Object.keys(inputs.tags ?? {}).length > 0)
      await api.putBucketTagging({ Bucket: inputs.bucket, Tagging: { TagSet: tagList(inputs.tags) } });
    return inputs.bucket;
  },
  async read(id) {
    const api = await s3();
    if (!(await unlessGone(api.headBucket({ Bucket: id })))) return undefined;
    const tagging = await unlessGone(api.getBucketTagging({ Bucket: id }));
    return { bucket: id, arn: `arn:aws:s3:::${id}`, tags: tagMap(tagging?.TagSet), tagsAll: tagMap(tagging?.TagSet) };
  },
  async update(id, news) {
    await (await s3()).putBucketTagging({ Bucket: id, Tagging: { TagSet: tagList(news.tags) } });
  },
  async delete(id, { forceDestroy }) {
    const api = await s3();
    if (forceDestroy) {
      const { Versions = [], DeleteMarkers = [] } = await api.listObjectVersions({ Bucket: id });
      for (const { Key, VersionId } of [...Versions, ...DeleteMarkers])
        await api.deleteObject({ Bucket: id, Key, VersionId });
    }
    await api.deleteBucket({ Bucket: id });
  },
});

type Part<Inputs extends { bucket: string }> = {
  readonly source: string;
  readonly ordered?: readonly string[];
  readonly inputs: z.ZodType<Inputs>;
  readonly put: (inputs: Inputs) => Promise<unknown>;
  readonly get: (bucket: string, state: Inputs) => Promise<Props | undefined>;
  readonly remove?: (bucket: string) => Promise<unknown>;
};

/** One setting of a bucket: set as a whole, named like the bucket. */
function part<Inputs extends { bucket: string }>(one: Part<Inputs>): ResourceType {
  const { source, ordered = [], inputs, put, get, remove } = one;
  return resource<Inputs & Props>({
    inputs: inputs as z.ZodType<Inputs & Props>,
    replaceOn: ["bucket"],
    source,
    ordered,
    computed: [],
    async create(news) {
      await put(news);
      return news.bucket;
    },
    read: async (id, state) => await unlessGone(get(id, state)),
    update: async (_id, news) => void (await put(news)),
    delete: async (id) => void (await remove?.(id)),
  });
}

const versioning = part({
  source: "s3/bucket_versioning.go",
  inputs: z.strictObject({
    bucket: text,
    versioningConfiguration: z.strictObject({ status: z.enum(["Enabled", "Suspended"]) }),
  }),
  put: async ({ bucket, versioningConfiguration: { status } }) =>
    await (await s3()).putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: status } }),
  get: async (bucket) => {
    const { Status } = await (await s3()).getBucketVersioning({ Bucket: bucket });
    return Status ? { bucket, versioningConfiguration: { status: Status } } : undefined;
  },
  remove: async (bucket) =>
    await (await s3()).putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Suspended" } }),
});

const encryption = part({
  source: "s3/bucket_server_side_encryption_configuration.go",
  inputs: z.strictObject({
    bucket: text,
    rules: z.array(
      z.strictObject({
        applyServerSideEncryptionByDefault: z.strictObject({ sseAlgorithm: text, kmsMasterKeyId: arn }),
        bucketKeyEnabled: flag,
        blockedEncryptionTypes: z.array(text),
      }),
    ),
  }),
  put: async ({ bucket, rules }) =>
    await (await s3()).putBucketEncryption({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: rules.map(({ applyServerSideEncryptionByDefault: by, bucketKeyEnabled, blockedEncryptionTypes }) => ({
          ApplyServerSideEncryptionByDefault: {
            SSEAlgorithm: by.sseAlgorithm as ServerSideEncryption,
            KMSMasterKeyID: by.kmsMasterKeyId,
          },
          BucketKeyEnabled: bucketKeyEnabled,
          BlockedEncryptionTypes: { EncryptionType: blockedEncryptionTypes as EncryptionType[] },
        })),
      },
    }),
  get: async (bucket, { rules: set }) => {
    const { ServerSideEncryptionConfiguration } = await (await s3()).getBucketEncryption({ Bucket: bucket });
    return {
      bucket,
      rules: (ServerSideEncryptionConfiguration?.Rules ?? []).map((rule, i) => ({
        applyServerSideEncryptionByDefault: {
          sseAlgorithm: rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
          kmsMasterKeyId: rule.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID,
        },
        bucketKeyEnabled: rule.BucketKeyEnabled,
        // moto forgets them.
        blockedEncryptionTypes: rule.BlockedEncryptionTypes?.EncryptionType ?? set[i]?.blockedEncryptionTypes,
      })),
    };
  },
  remove: async (bucket) => await (await s3()).deleteBucketEncryption({ Bucket: bucket }),
});

const publicAccessBlock = part({
  source: "s3/bucket_public_access_block.go",
  inputs: z.strictObject({
    bucket: text,
    blockPublicAcls: flag,
    blockPublicPolicy: flag,
    ignorePublicAcls: flag,
    restrictPublicBuckets: flag,
  }),
  put: async ({ bucket, ...block }) =>
    await (await s3()).putPublicAccessBlock({
      Bucket: bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: block.blockPublicAcls,
        BlockPublicPolicy: block.blockPublicPolicy,
        IgnorePublicAcls: block.ignorePublicAcls,
        RestrictPublicBuckets: block.restrictPublicBuckets,
      },
    }),
  get: async (bucket) => {
    const { PublicAccessBlockConfiguration: block } = await (await s3()).getPublicAccessBlock({ Bucket: bucket });
    return {
      bucket,
      blockPublicAcls: block?.BlockPublicAcls,
      blockPublicPolicy: block?.BlockPublicPolicy,
      ignorePublicAcls: block?.IgnorePublicAcls,
      restrictPublicBuckets: block?.RestrictPublicBuckets,
    };
  },
  remove: async (bucket) => await (await s3()).deletePublicAccessBlock({ Bucket: bucket }),
});

const ownership = part({
  source: "s3/bucket_ownership_controls.go",
  inputs: z.strictObject({ bucket: text, rule: z.strictObject({ objectOwnership: z.literal("BucketOwnerEnforced") }) }),
  put: async ({ bucket, rule }) =>
    await (await s3()).putBucketOwnershipControls({
      Bucket: bucket,
      OwnershipControls: { Rules: [{ ObjectOwnership: rule.objectOwnership }] },
    }),
  get: async (bucket) => {
    const { OwnershipControls } = await (await s3()).getBucketOwnershipControls({ Bucket: bucket });
    return { bucket, rule: { objectOwnership: OwnershipControls?.Rules?.[0]?.ObjectOwnership } };
  },
  remove: async (bucket) => await (await s3()).deleteBucketOwnershipControls({ Bucket: bucket }),
});

const lifecycle = part({
  source: "s3/bucket_lifecycle_configuration.go",
  ordered: ["rules"],
  inputs: z.strictObject({
    bucket: text,
    rules: z.array(
      z.strictObject({
        id: text,
        status: z.enum(["Enabled", "Disabled"]),
        filter: z.strictObject({ prefix: text }),
        noncurrentVersionExpiration: z.strictObject({ noncurrentDays: count }),
        abortIncompleteMultipartUpload: z.strictObject({ daysAfterInitiation: count }),
      }),
    ),
  }),
  put: async ({ bucket, rules }) =>
    await (await s3()).putBucketLifecycleConfiguration({
      Bucket: bucket,
      LifecycleConfiguration: {
        Rules: rules.map((rule) => ({
          ID: rule.id,
          Status: rule.status,
          Filter: { Prefix: rule.filter.prefix },
          NoncurrentVersionExpiration: { NoncurrentDays: rule.noncurrentVersionExpiration.noncurrentDays },
          AbortIncompleteMultipartUpload: {
            DaysAfterInitiation: rule.abortIncompleteMultipartUpload.daysAfterInitiation,
          },
        })),
      },
    }),
  get: async (bucket) => {
    const { Rules } = await (await s3()).getBucketLifecycleConfiguration({ Bucket: bucket });
    return {
      bucket,
      rules: (Rules ?? []).map((rule) => ({
        id: rule.ID,
        status: rule.Status,
        filter: { prefix: rule.Filter?.Prefix ?? "" },
        noncurrentVersionExpiration: { noncurrentDays: rule.NoncurrentVersionExpiration?.NoncurrentDays },
        abortIncompleteMultipartUpload: {
          daysAfterInitiation: rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
        },
      })),
    };
  },
  remove: async (bucket) => await (await s3()).deleteBucketLifecycle({ Bucket: bucket }),
});

const policy = part({
  source: "s3/bucket_policy.go",
  inputs: z.strictObject({ bucket: text, policy: text }),
  put: async ({ bucket, policy }) => await (await s3()).putBucketPolicy({ Bucket: bucket, Policy: policy }),
  get: async (bucket) => ({ bucket, policy: (await (await s3()).getBucketPolicy({ Bucket: bucket })).Policy }),
  remove: async (bucket) => await (await s3()).deleteBucketPolicy({ Bucket: bucket }),
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:s3/bucket:Bucket": bucket,
  "aws:s3/bucketVersioning:BucketVersioning": versioning,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": encryption,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": publicAccessBlock,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownership,
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lifecycle,
  "aws:s3/bucketPolicy:BucketPolicy": policy,
};
