import type { Problem } from "./problem.ts";

/** Keys of Pulumi's AWS provider, by the way in which this program is told the same. */
const INSTEAD: Readonly<Record<string, string>> = {
  region: "Write cloister:region",
  allowedAccountIds: "Write cloister:accountId, which pins the account",
  forbiddenAccountIds: "Write cloister:accountId, which pins the account",
  defaultTags: "Write cloister:tags",
  profile: "Set AWS_PROFILE",
  assumeRole: "Set AWS_PROFILE to a profile with role_arn",
  assumeRoles: "Set AWS_PROFILE to a profile with role_arn",
  accessKey: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or better sign in with aws sso login",
  secretKey: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or better sign in with aws sso login",
  token: "Set AWS_SESSION_TOKEN, or better sign in with aws sso login",
};

/**
 * Problems of the keys `aws:*` of a stack. The program makes its provider with settings of its own, so such a key would have
 * no effect: who writes `aws:allowedAccountIds` would believe that the account is pinned. No value is shown: it may be a key.
 */
export function providerKeyProblems(config: Readonly<Record<string, string>>): Problem[] {
  return Object.keys(config)
    .filter((path) => path.startsWith("aws:"))
    .map((path) => {
      const name = path.slice("aws:".length);
      const instead = INSTEAD[name] === undefined ? "" : ` ${INSTEAD[name]}.`;
      return {
        path,
        message: `has no effect: the program configures Pulumi's AWS provider by keys of cloister alone.${instead} Remove it: pulumi config rm ${path}`,
      };
    });
}
