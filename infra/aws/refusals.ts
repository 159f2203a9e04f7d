import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Problem, Settings } from "../settings/settings.ts";
import type { UpContext } from "../up.ts";
import { credentialsProblem, hasSharedCredentials } from "./plan/credentials.ts";
import { askAws, zonesWithoutTypes } from "./plan/offerings.ts";
import { awsProblems } from "./plan/problems/index.ts";

/**
 * Everything that is wrong with a stack on AWS, or with the credentials for it.
 *
 * @param refused keys, or parts of their values, that were refused already and are not in the settings
 */
export async function refusals(
  settings: Settings,
  { project, stack }: Pick<UpContext, "project" | "stack">,
  refused: readonly string[] = [],
): Promise<Problem[]> {
  const problems = awsProblems(settings, stack, refused);
  const credentials = credentialsProblem(process.env, hasSharedCredentials(process.env));
  if (credentials) return [...problems, credentials];
  if (refused.some((one) => /^(region|zones|instanceType)\b/.test(one))) return problems;
  const lacking = await zonesWithoutTypes({
    settings,
    file: resolve(project, ".cloister", stack, "offerings.json"),
    ask: askAws(project),
    doubt: (why) => void pulumi.log.warn(why),
  });
  return [...problems, ...lacking];
}
