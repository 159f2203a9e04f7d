import type { ResourceRule } from "../core/rule.ts";
import { BUCKET_BLOCK } from "../core/types.ts";

const SWITCHES = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

export const bucketPrivate: ResourceRule = {
  name: "bucket-private",
  severity: "critical",
  reason: "No bucket of a stack may ever be read by everybody.",
  remedy: "Set all four switches of BucketPublicAccessBlock to true.",
  link: "docs/aws-security.md",
  types: [BUCKET_BLOCK],
  check: ({ props }, report) => {
    for (const name of SWITCHES) if (props.at(name).flag() !== true) report(`${name} is not true`);
  },
};
