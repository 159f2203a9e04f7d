import type { Problem } from "../../../settings/settings.ts";
import { partitionOf } from "../../partition.ts";
import { type Checked, problem } from "./found.ts";

/** Problems of what is named by its ARN: it must be where the stack can reach it. */
export function arnProblems({ settings }: Checked): Problem[] {
  const { region, accountId, permissionsBoundary, modelKeySecret } = settings;
  if (region === "") return [];
  const found: Problem[] = [];
  const partition = partitionOf(region);
  for (const [key, arn] of Object.entries({ permissionsBoundary, modelKeySecret })) {
    const [, of] = arn.split(":");
    if (arn !== "" && of !== partition)
      found.push(
        problem(key, arn, `is in AWS's partition ${of}, and ${region} in ${partition}. Name one of ${partition}.`),
      );
  }
  const account = permissionsBoundary.split(":")[4] ?? "";
  if (accountId !== "" && /^\d/.test(account) && account !== accountId)
    found.push(
      problem(
        "permissionsBoundary",
        permissionsBoundary,
        `is a policy of the account ${account}, and IAM takes one of the role's own (cloister:accountId is ${accountId}). Name a policy of that.`,
      ),
    );
  const [, , , place] = modelKeySecret.split(":");
  if (modelKeySecret !== "" && place !== region)
    found.push(
      problem(
        "modelKeySecret",
        modelKeySecret,
        `is in ${place || "no region"}, and machines ask in ${region}. Name a secret of that region, or replicate it there.`,
      ),
    );
  return found;
}
