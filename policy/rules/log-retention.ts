import type { ResourceRule } from "../core/rule.ts";
import { LOG_GROUP } from "../core/types.ts";

export const logRetention: ResourceRule = {
  name: "log-retention",
  severity: "medium",
  reason: "What happened last quarter is asked for this quarter; and what is kept for ever is never deleted.",
  remedy: "Set `cloister:logRetentionDays`.",
  link: "docs/config.md",
  types: [LOG_GROUP],
  check: ({ props }, report, { limits }) => {
    const days = props.at("retentionInDays").number() ?? 0;
    if (days === 0) report("logs are kept for ever");
    else if (days < limits.retentionDays)
      report(`logs are kept for ${days} days, and should be for ${limits.retentionDays}`);
  },
};
