import type { Problem } from "../../../settings/settings.ts";
import { hasRange } from "../../network/subnets.ts";
import { zonesOf } from "../zones.ts";
import { type Checked, problem } from "./found.ts";

/** Problems of the stack's name, its region and its zones. */
export function placeProblems({ settings, stack }: Checked): Problem[] {
  const found: Problem[] = [];
  const { region } = settings;
  // Names of groups, log groups and buckets begin with it.
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(stack))
    found.push({
      path: "the stack's name",
      value: JSON.stringify(stack),
      message:
        "must be at most 20 lower-case letters, digits or hyphens on AWS, which makes names of it. Rename it: pulumi stack rename NAME",
    });
  if (region === "")
    found.push(
      problem("region", undefined, "is missing. Write, for example: pulumi config set cloister:region eu-central-1"),
    );
  if (/^cn-|-iso[a-z]*-/.test(region))
    found.push(
      problem(
        "region",
        region,
        "is in a part of AWS of its own (China, or an isolated one), where services have other names: this program is not made for it. Write another region.",
      ),
    );
  const zones = zonesOf(settings);
  if (zones.length < 2 || zones.length > 3) found.push(problem("zones", zones, "must be two or three."));
  if (new Set(zones).size !== zones.length) found.push(problem("zones", zones, "names a zone twice."));
  for (const zone of zones) {
    if (region !== "" && !(zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length))))
      found.push(problem("zones", zone, `is no zone of ${region}. Write names such as ${region}a.`));
    else if (region !== "" && settings.network.existing === undefined && !hasRange(zone))
      found.push(problem("zones", zone, "has no range in the VPC, which is divided among the letters a to g."));
  }
  return found;
}
