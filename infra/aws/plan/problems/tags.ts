import type { Problem } from "../../../settings/settings.ts";
import { METADATA_TAG } from "../../tags.ts";
import { type Checked, problem } from "./found.ts";

/** Problems of tags. */
export function tagProblems({ settings }: Checked): Problem[] {
  const hasPools = Object.keys(settings.pools).length > 0;
  return Object.keys(settings.tags).flatMap((key) => {
    if (/^(aws|cloister):/i.test(key))
      return [problem("tags", key, "must not begin with aws: or cloister:, which are taken.")];
    if (!hasPools || METADATA_TAG.test(key)) return [];
    return [
      problem(
        "tags",
        key,
        "must be letters, digits and + - = . , _ : @ only: a pool's machines read their tags, which EC2 then limits so.",
      ),
    ];
  });
}
