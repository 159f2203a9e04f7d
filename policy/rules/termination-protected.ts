import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE } from "../core/types.ts";

export const terminationProtected: ResourceRule = {
  name: "termination-protected",
  severity: "medium",
  reason: "Nobody ends a machine by a click in the console.",
  remedy: "Set `cloister:terminationProtection` to true.",
  link: "docs/config.md",
  types: [INSTANCE],
  check: ({ props }, report, { limits }) => {
    if (limits.terminationProtected && props.at("disableApiTermination").flag() !== true)
      report("anybody may end the machine");
  },
};
