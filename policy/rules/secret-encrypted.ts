import type { ResourceRule } from "../core/rule.ts";
import { SECRET } from "../core/types.ts";

export const secretEncrypted: ResourceRule = {
  name: "secret-encrypted",
  severity: "high",
  reason: "With the stack's key, whoever may read secrets in general cannot read this one.",
  remedy: "Set `kmsKeyId` on the secret.",
  link: "docs/aws-security.md",
  types: [SECRET],
  check: ({ props }, report) => {
    if (!props.at("kmsKeyId").isSet) report("the secret has no key of the stack");
  },
};
