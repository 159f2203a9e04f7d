import type { ResourceRule } from "../core/rule.ts";
import { GROUP } from "../core/types.ts";

export const refresh: ResourceRule = {
  name: "refresh",
  severity: "medium",
  reason: "A pool takes a new image or first boot only by an instance refresh.",
  remedy: "Set `instanceRefresh` with the strategy Rolling, and let it wait for busy machines.",
  link: "docs/aws-reference.md",
  types: [GROUP],
  check: ({ props }, report) => {
    const set = props.at("instanceRefresh");
    if (!set.isSet) return report("the group has no instance refresh");
    if (set.at("strategy").text() !== "Rolling") report("the group's refresh does not roll");
    if (set.at("preferences", "scaleInProtectedInstances").text() !== "Wait")
      report("the refresh does not wait for busy machines");
  },
};
