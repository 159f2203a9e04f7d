import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf } from "../core/statements.ts";
import { ROLE } from "../core/types.ts";

/** Services that this program makes roles for. */
const SERVICES = /^(?:ec2|vpc-flow-logs|dlm)\.amazonaws\.com(?:\.cn)?$/;

export const iamTrust: ResourceRule = {
  name: "iam-trust",
  severity: "critical",
  reason: "A role of the stack is taken by an AWS service, and by nobody else.",
  remedy: "Name the one service in `assumeRolePolicy`.",
  link: "docs/aws-security.md",
  types: [ROLE],
  check: ({ props }, report) => {
    let some = 0;
    eachStatementOf(props.at("assumeRolePolicy"), ({ effect, principals, not }) => {
      some++;
      if (effect !== "Allow") return;
      for (const key of not) report(`it trusts by ${key}`);
      for (const { kind, who } of principals)
        if (kind !== "Service" || !SERVICES.test(who)) report(`it trusts ${kind ? `${kind} ` : ""}${who}`);
    });
    if (some === 0) report("its trust policy cannot be read");
  },
};
