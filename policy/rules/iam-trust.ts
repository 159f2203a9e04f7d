import { ACCOUNT } from "../../preview/policy/settings.ts";
import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf, type Statement } from "../core/statements.ts";
import { ROLE } from "../core/types.ts";

/** Services that this program makes roles for. */
const SERVICES = /^(?:ec2|vpc-flow-logs|dlm)\.amazonaws\.com(?:\.cn)?$/;

export const iamTrust: ResourceRule = {
  name: "iam-trust",
  severity: "critical",
  reason:
    "A role of the stack is taken by an AWS service, and by nobody else; one of the account by named jobs of the forge.",
  remedy: "Name the one service in `assumeRolePolicy`, or the forge's token with its audience and its subjects.",
  link: "docs/aws-security.md",
  types: [ROLE],
  check: ({ props }, report, { stack }) => {
    let some = 0;
    eachStatementOf(props.at("assumeRolePolicy"), (statement) => {
      const { effect, principals, not } = statement;
      some++;
      if (effect !== "Allow") return;
      for (const key of not) report(`it trusts by ${key}`);
      for (const { kind, who } of principals) {
        const isService = kind === "Service" && SERVICES.test(who);
        const isForge = stack === ACCOUNT && kind === "Federated";
        if (!isService && !isForge) report(`it trusts ${kind ? `${kind} ` : ""}${who}`);
        if (isForge) for (const what of looseIn(statement, who)) report(what);
      }
    });
    if (some === 0) report("its trust policy cannot be read");
  },
};

/** In words, what a forge's token may be that it should not. Its host is the last part of the provider's ARN. */
function looseIn({ actions, condition }: Statement, provider: string): string[] {
  const host = /:oidc-provider\/(.+)$/.exec(provider)?.[1];
  if (host === undefined) return [`it trusts Federated ${provider}`];
  const texts = (operator: string, claim: string): string[] =>
    condition
      .at(operator, `${host}:${claim}`)
      .list()
      .map((one) => one.text() ?? "");
  const subjects = [...texts("StringEquals", "sub"), ...texts("StringLike", "sub")];
  // A pattern may stand for branches, and for no repository.
  const wide = subjects.filter((one) => !/^(?:repo:[^*?]+\/[^*?:]+:|project_path:[^*?]+:ref_type:branch:)/.test(one));
  return [
    ...(actions.some((one) => one !== "sts:AssumeRoleWithWebIdentity")
      ? ["it is taken otherwise than by a token"]
      : []),
    ...(texts("StringEquals", "aud").length === 0 ? [`it takes tokens of ${host} for any audience`] : []),
    ...(subjects.length === 0 ? [`it takes the token of anybody at ${host}`] : []),
    ...wide.map((one) => `it takes tokens of more than one repository: ${one}`),
  ];
}
