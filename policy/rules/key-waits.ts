import type { ResourceRule } from "../core/rule.ts";
import { KEY } from "../core/types.ts";

/** AWS's own where none is set (KMS API reference, ScheduleKeyDeletion). */
const DEFAULT = 30;

export const keyWaits: ResourceRule = {
  name: "key-waits",
  severity: "high",
  reason: "With a key all goes that it encrypts: its deletion waits long enough for somebody to notice.",
  remedy: "Raise `deletionWindowInDays`.",
  link: "docs/changes.md#what-becomes-of-data",
  types: [KEY],
  check: ({ props }, report, { limits }) => {
    const days = props.at("deletionWindowInDays").number() ?? DEFAULT;
    if (days < limits.keyWaitDays)
      report(`the key goes ${days} days after its deletion, and should wait ${limits.keyWaitDays}`);
  },
};
