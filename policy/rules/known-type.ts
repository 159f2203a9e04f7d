import { ACTIONS } from "../../infra/aws/access/deployer-actions.ts";
import { ACCOUNT } from "../../preview/policy/settings.ts";
import type { ResourceRule } from "../core/rule.ts";

/** Types of the account itself, which `cloister bootstrap` makes. */
const OF_ACCOUNT = [
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  "aws:iam/policy:Policy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
];

/** Types that are no resource of AWS. */
const OWN = /^(?:cloister:|pulumi:(?:pulumi:Stack$|providers:(?:aws|command|cloister)$)|command:local:Command$)/;

export const knownType: ResourceRule = {
  name: "known-type",
  severity: "high",
  reason: "No rule here says anything about a type that nobody has looked at.",
  remedy: "Add the type to `infra/aws/access/deployer-actions.ts`, and think about which rules it needs.",
  link: "docs/policy-pack.md",
  types: "all",
  check: ({ type }, report, { stack }) => {
    if (stack === ACCOUNT && OF_ACCOUNT.includes(type)) return;
    if (!OWN.test(type) && !Object.hasOwn(ACTIONS, type)) report(`the type ${type} is not listed`);
  },
};
