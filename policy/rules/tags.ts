import type { ResourceRule } from "../core/rule.ts";
import {
  ALARM,
  BUCKET,
  GROUP,
  INSTANCE,
  KEY,
  LOG_GROUP,
  ROLE,
  SECRET,
  SECURITY_GROUP,
  TEMPLATE,
  VOLUME,
} from "../core/types.ts";

export const tags: ResourceRule = {
  name: "tags",
  severity: "low",
  reason: "By its tags one tells whose a resource is, and what a stack costs.",
  remedy: "Set `cloister:tags`; `cloister:stack` comes by itself.",
  link: "docs/config.md",
  types: [ALARM, BUCKET, GROUP, INSTANCE, KEY, LOG_GROUP, ROLE, SECRET, SECURITY_GROUP, TEMPLATE, VOLUME],
  check: ({ type, props }, report, { limits, stack }) => {
    const given = props.at("tags");
    // A group's tags are a list.
    const of = (key: string): string | undefined =>
      type === GROUP
        ? given
            .list()
            .find((one) => one.at("key").text() === key)
            ?.at("value")
            .text()
        : given.at(key).text();
    for (const key of limits.requiredTags) {
      const value = of(key);
      if (value === undefined || value === "") report(`it has no tag ${key}`);
      else if (key === "cloister:stack" && value !== stack) report(`its tag ${key} says ${value}`);
    }
  },
};
