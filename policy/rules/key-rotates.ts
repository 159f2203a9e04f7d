import type { ResourceRule } from "../core/rule.ts";
import { KEY } from "../core/types.ts";

export const keyRotates: ResourceRule = {
  name: "key-rotates",
  severity: "medium",
  reason: "A key that rotates bounds what a stolen one is worth.",
  remedy: "Set `enableKeyRotation: true`.",
  link: "docs/aws-security.md",
  types: [KEY],
  check: ({ props }, report) => {
    if (props.at("enableKeyRotation").flag() !== true) report("the key does not rotate");
  },
};
