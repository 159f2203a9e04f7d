import type { ResourceRule } from "../core/rule.ts";
import { LOG_GROUP } from "../core/types.ts";

export const logEncrypted: ResourceRule = {
  name: "log-encrypted",
  severity: "medium",
  reason: "Logs tell which hosts and files a session used: they are encrypted with the stack's key.",
  remedy: "Set `kmsKeyId` on the log group.",
  link: "docs/aws-security.md",
  types: [LOG_GROUP],
  check: ({ props }, report) => {
    if (!props.at("kmsKeyId").isSet) report("the log group has no key of the stack");
  },
};
