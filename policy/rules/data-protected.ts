import type { ResourceRule } from "../core/rule.ts";
import { BUCKET, KEY, LOG_GROUP, SECRET, VOLUME } from "../core/types.ts";

export const dataProtected: ResourceRule = {
  name: "data-protected",
  severity: "high",
  reason: "A stack that people rely on does not lose data by a line that somebody deleted.",
  remedy: "Set `cloister:onDestroy` to refuse.",
  link: "docs/changes.md#what-becomes-of-data",
  types: [VOLUME, BUCKET, KEY, LOG_GROUP, SECRET],
  check: ({ protect }, report, { limits }) => {
    if (limits.dataProtected && !protect) report("it is not protected");
  },
};
