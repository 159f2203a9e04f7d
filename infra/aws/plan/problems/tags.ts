import type { Problem } from "../../../settings/settings.ts";
import { METADATA_TAG } from "../../tags.ts";
import { type Checked, problem } from "./found.ts";

/** A resource of AWS's has 50 tags at most; four are for the program's own. */
const MOST = 46;
/** Keys and values of IAM's tags, which are the strictest (IAM API reference, Tag). */
const IAM_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** Problems of tags. */
export function tagProblems({ settings }: Checked): Problem[] {
  const hasPools = Object.keys(settings.pools).length > 0;
  const keys = Object.keys(settings.tags);
  const found: Problem[] = [];
  if (keys.length > MOST)
    found.push(
      problem("tags", keys.length, `are too many: a resource has 50 at most, of which ${50 - MOST} are the program's.`),
    );
  return [
    ...found,
    ...Object.entries(settings.tags).flatMap(([key, value], index) => {
      const lower = key.toLowerCase();
      const same = keys.slice(0, index).find((other) => other.toLowerCase() === lower);
      if (same !== undefined)
        return [
          problem("tags", key, `is ${same} too: IAM, where roles have them, knows no capitals in keys. Rename one.`),
        ];
      if (!IAM_TEXT.test(value) || !IAM_TEXT.test(key))
        return [
          problem(`tags.${key}`, value, "must be letters, digits, spaces and + - = . _ : / @ only, as IAM has it."),
        ];
      if (/^(aws|cloister):/i.test(key))
        return [problem("tags", key, "must not begin with aws: or cloister:, which are taken.")];
      if (!hasPools || METADATA_TAG.test(key)) return [];
      return [
        problem(
          "tags",
          key,
          "must be letters, digits and + - = . _ : @ only: a pool's machines read their tags, which EC2 then limits so.",
        ),
      ];
    }),
  ];
}
