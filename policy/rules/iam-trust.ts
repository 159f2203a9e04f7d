import { PROJECT, ROLES } from "../../infra/bootstrap/names.ts";
import { ACCOUNT } from "../../preview/policy/settings.ts";
import type { ResourceRule, World } from "../core/rule.ts";
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
  check: ({ props }, report, { stack, config }) => {
    let some = 0;
    eachStatementOf(props.at("assumeRolePolicy"), (statement) => {
      const { effect, principals, not } = statement;
      some++;
      if (effect !== "Allow") return;
      for (const key of not) report(`it trusts by ${key}`);
      for (const { kind, who } of principals) {
        // The account's own program makes roles for the forge alone.
        const isService = stack !== ACCOUNT && kind === "Service" && SERVICES.test(who);
        const isForge = stack === ACCOUNT && kind === "Federated";
        if (!isService && !isForge) report(`it trusts ${kind ? `${kind} ` : ""}${who}`);
        if (!isForge) continue;
        const mayPreview = props.at("name").text() === ROLES.preview;
        for (const what of looseIn(statement, who, { mayPreview, config })) report(what);
      }
    });
    if (some === 0) report("its trust policy cannot be read");
  },
};

/** The one repository of the account, where its configuration tells it. */
function forgeIn(config: World["config"]): { readonly host?: unknown; readonly repository?: unknown } {
  try {
    const found: unknown = JSON.parse(config[`${PROJECT}:inputs`] ?? "{}");
    const { forgeHost: host, repository } = Object(found) as { forgeHost?: unknown; repository?: unknown };
    return { host, repository };
  } catch {
    return {};
  }
}

interface Role {
  /** True for the role that only previews: on GitLab it may trust a pattern of branches. */
  readonly mayPreview: boolean;
  readonly config: World["config"];
}

/** In words, what a forge's token may be that it should not. Its host is the last part of the provider's ARN. */
function looseIn({ actions, condition }: Statement, provider: string, { mayPreview, config }: Role): string[] {
  const host = /:oidc-provider\/(.+)$/.exec(provider)?.[1];
  if (host === undefined) return [`it trusts Federated ${provider}`];
  const forge = forgeIn(config);
  const texts = (operator: string, claim: string): string[] =>
    condition
      .at(operator, `${host}:${claim}`)
      .list()
      .map((one) => one.text() ?? "");
  const subjects = [...texts("StringEquals", "sub"), ...texts("StringLike", "sub")];
  return [
    ...(forge.host !== undefined && forge.host !== host ? [`it trusts the forge ${host}, and not ${forge.host}`] : []),
    ...(actions.some((one) => one !== "sts:AssumeRoleWithWebIdentity")
      ? ["it is taken otherwise than by a token"]
      : []),
    ...(texts("StringEquals", "aud").length === 0 ? [`it takes tokens of ${host} for any audience`] : []),
    ...(subjects.length === 0 ? [`it takes the token of anybody at ${host}`] : []),
    ...subjects.flatMap((one) => looseSubject(one, forge.repository, mayPreview)),
  ];
}

/** GitHub: an environment, whose rules say who may use it. GitLab: a branch. A pattern stands for no repository. */
const SUBJECT =
  /^(?:repo:(?<github>[^*?:]+\/[^*?:]+)(?<environment>:environment:[^*?:]+)?(?:$|:)|project_path:(?<gitlab>[^*?:]+):ref_type:branch:ref:(?<branch>.+)$)/;

function looseSubject(subject: string, repository: unknown, mayPreview: boolean): string[] {
  const parts = SUBJECT.exec(subject)?.groups;
  const of = parts?.["github"] ?? parts?.["gitlab"];
  if (parts === undefined || of === undefined) return [`it takes tokens of more than one repository: ${subject}`];
  if (repository !== undefined && of !== repository) return [`it takes tokens of another repository: ${subject}`];
  if (parts["github"] !== undefined)
    return subject === `repo:${of}${parts["environment"]}` ? [] : [`it takes tokens of no one environment: ${subject}`];
  const isPattern = /[*?]/.test(parts["branch"] ?? "");
  return isPattern && !mayPreview ? [`it takes tokens of more than one branch: ${subject}`] : [];
}
