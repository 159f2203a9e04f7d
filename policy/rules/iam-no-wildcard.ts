import type { ResourceRule } from "../core/rule.ts";
import { eachStatement } from "../core/statements.ts";
import { GROUP_POLICY, POLICY, ROLE, ROLE_POLICY, USER_POLICY } from "../core/types.ts";

/** Actions that know no resource, or only look (Service Authorization Reference). */
const WITHOUT_RESOURCE =
  /^(?:ec2:Describe[A-Za-z]+|ssm:UpdateInstanceInformation|ssmmessages:(?:Create|Open)(?:Control|Data)Channel|logs:(?:Create|Delete|Get|Update|List)LogDeliver(?:y|ies)|logs:Describe[A-Za-z]+|logs:(?:Put|Describe)ResourcePolic(?:y|ies)|autoscaling:Describe[A-Za-z]+)$/;

/** All resources of a service, in an account or in all. */
const EVERYTHING = /^(?:\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:\*)$/;

export const iamNoWildcard: ResourceRule = {
  name: "iam-no-wildcard",
  severity: "critical",
  reason: "A wildcard gives what AWS adds tomorrow, too.",
  remedy: "Write the actions and the resources down one by one.",
  link: "docs/aws-security.md",
  types: [ROLE, ROLE_POLICY, POLICY, USER_POLICY, GROUP_POLICY],
  check: (resource, report) => {
    eachStatement(resource, ({ effect, actions, resources, not }) => {
      if (effect !== "Allow") return;
      for (const key of not) report(`it allows by ${key}, which is all but a few`);
      for (const action of actions) {
        if (/[*?]/.test(action)) report(`it allows ${action}`);
        else if (resources.some((one) => EVERYTHING.test(one)) && !WITHOUT_RESOURCE.test(action))
          report(`it allows ${action} on everything`);
      }
    });
  },
};
