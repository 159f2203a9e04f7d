import type { StackRule } from "../core/rule.ts";
import { BUCKET, BUCKET_BLOCK, BUCKET_ENCRYPTION, BUCKET_POLICY } from "../core/types.ts";

const NEEDED = {
  [BUCKET_BLOCK]: "a public access block",
  [BUCKET_ENCRYPTION]: "an encryption",
  [BUCKET_POLICY]: "a policy",
};

export const bucketComplete: StackRule = {
  name: "bucket-complete",
  severity: "high",
  reason:
    "In AWS a bucket's safety is made of resources beside it: one that is missing leaves it open, without a word.",
  remedy: "Make buckets by the component RuntimeBucket, or give the bucket what is missing under the same parent.",
  link: "docs/aws-security.md",
  checkStack: (resources, report) => {
    const buckets = resources.filter(({ type }) => type === BUCKET);
    if (buckets.length === 0) return false;
    for (const [type, what] of Object.entries(NEEDED)) {
      // Names of buckets are not known in a preview: parents are.
      for (const parent of new Set(buckets.map((one) => one.parent))) {
        const [own, beside] = [buckets, resources.filter((one) => one.type === type)].map((all) =>
          all.filter((one) => one.parent === parent),
        );
        if ((beside?.length ?? 0) < (own?.length ?? 0)) report(`the bucket has not ${what}`, own?.[0]);
      }
    }
    return undefined;
  },
};
