import type { World } from "./rule.ts";
import type { Statement } from "./statements.ts";

/**
 * In words, to whom outside of the account a statement gives something; empty for none. Which account is the stack's only
 * `cloister:accountId` tells: without it, another's cannot be told from its own.
 */
export function outsidersIn(
  { effect, principals, not, hasCondition }: Statement,
  { config }: Pick<World, "config">,
): string[] {
  if (effect !== "Allow") return [];
  const own = config["cloister:accountId"];
  const everybody = principals.some(({ who }) => who === "*") && !hasCondition ? ["everybody"] : [];
  const others = principals.flatMap(({ kind, who }) => {
    const [, account] = /^(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::|$)/.exec(who) ?? [];
    return kind === "AWS" && own !== undefined && own !== "" && account !== undefined && account !== own
      ? [`account ${account}`]
      : [];
  });
  const allBut = not.includes("NotPrincipal") ? ["all but a few, by NotPrincipal"] : [];
  return [...everybody, ...allBut, ...new Set(others)];
}
