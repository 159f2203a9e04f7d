import {
  deployerPolicy,
  type Policy,
  type PolicyOptions,
  type StateRights,
  stateStatements,
} from "./deployer-policy.ts";

/** Actions that only look. */
const LOOKS = /^[a-z0-9-]+:(?:Describe|Get|List|Lookup|Search|View)[A-Za-z]*$/;

/** Those among them that read what a preview's program may not have: values of secrets, and what is in stacks' buckets. */
const CONTENT =
  /^(?:secretsmanager:GetSecretValue|s3:GetObject[A-Za-z]*|ec2:GetConsoleOutput|logs:Get(?:LogEvents|Query)[A-Za-z]*)$/;

const STATE_RIGHTS: StateRights = { objects: ["s3:GetObject"], key: ["kms:Decrypt", "kms:DescribeKey"] };

/**
 * The policy of whoever previews: what the deployer may look at, and reading of the state and of its secrets. It can change
 * nothing. A preview runs the program of a change that nobody has approved yet.
 */
export function previewPolicy(types: Iterable<string>, region: string, options: PolicyOptions = {}): Policy {
  const { Version, Statement } = deployerPolicy(types, region);
  const looks = Statement.map((statement) => ({
    ...statement,
    Action: statement.Action.filter((action) => LOOKS.test(action) && !CONTENT.test(action)),
  })).filter(({ Action }) => Action.length > 0);
  return { Version, Statement: [...looks, ...stateStatements(options, STATE_RIGHTS)] };
}
