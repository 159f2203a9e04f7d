import type { ResourceRule } from "../core/rule.ts";
import { BUCKET_ENCRYPTION } from "../core/types.ts";
import { each } from "../core/value.ts";

export const bucketEncrypted: ResourceRule = {
  name: "bucket-encrypted",
  severity: "high",
  reason: "A bucket encrypts with a key of the stack, so that its key policy guards the content too.",
  remedy: "Set `sseAlgorithm: aws:kms` and `kmsMasterKeyId` in the bucket's encryption.",
  link: "docs/aws-security.md",
  types: [BUCKET_ENCRYPTION],
  check: ({ props }, report) => {
    const rules = props.at("rules").list();
    if (rules.length === 0) report("the bucket's encryption has no rule");
    each(rules, (rule) => {
      const by = rule.at("applyServerSideEncryptionByDefault");
      const algorithm = by.at("sseAlgorithm").text() ?? "none";
      if (!/^aws:kms(?::dsse)?$/.test(algorithm)) report(`the bucket encrypts by ${algorithm}`);
      else if (!by.at("kmsMasterKeyId").isSet) report("the bucket encrypts with AWS's key, not with the stack's");
    });
  },
};
