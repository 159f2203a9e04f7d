import type { Resource } from "./rule.ts";
import { ROLE } from "./types.ts";
import { each, type Value } from "./value.ts";

/** One statement of a policy document. */
export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  /** Actions of `NotAction`; undefined where it is not set. */
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[];
  /** Members that stand for all but what they list. */
  readonly not: readonly string[];
  readonly principals: readonly { readonly kind: string; readonly who: string }[];
  readonly hasNotPrincipal: boolean;
  readonly hasCondition: boolean;
  readonly condition: Value;
}

/** Looks at the statements of all policies that a resource gives rights by: a role's inline policies as well. */
export function eachStatement(resource: Resource, look: (statement: Statement) => void): void {
  const { props, type } = resource;
  const policies =
    type === ROLE
      ? props
          .at("inlinePolicies")
          .list()
          .map((one) => one.at("policy"))
      : [props.at("policy")];
  each(policies, (policy) => eachStatementOf(policy, look));
}

/** Looks at the statements of one policy. */
export function eachStatementOf(policy: Value, look: (statement: Statement) => void): void {
  each(policy.json().at("Statement").list(), (statement) => {
    const texts = (key: string): string[] =>
      statement
        .at(key)
        .list()
        .map((one) => one.text() ?? "");
    look({
      effect: statement.at("Effect").text() ?? "",
      actions: texts("Action"),
      notActions: statement.at("NotAction").isSet ? texts("NotAction") : undefined,
      resources: texts("Resource"),
      not: ["NotAction", "NotResource", "NotPrincipal"].filter((key) => statement.at(key).isSet),
      principals: principalsOf(statement.at("Principal")),
      hasNotPrincipal: statement.at("NotPrincipal").isSet,
      hasCondition: statement.at("Condition").entries().length > 0,
      condition: statement.at("Condition"),
    });
  });
}

function principalsOf(principal: Value): Statement["principals"] {
  const text = principal.text();
  if (text !== undefined) return [{ kind: "", who: text }];
  return principal.entries().flatMap(([kind, who]) => who.list().map((one) => ({ kind, who: one.text() ?? "" })));
}
