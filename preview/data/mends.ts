/** Who may change the policy of a key or bucket again. Preview and policy pack both ask it. */

/** A statement of a resource's policy, as far as it says who may change it. */
export interface MendStatement {
  readonly effect: string;
  readonly actions: readonly string[];
  /** Actions of `NotAction`. Absent: the statement has none. */
  readonly notActions?: readonly string[] | undefined;
  readonly principals: readonly { readonly kind: string; readonly who: string }[];
  readonly hasNotPrincipal: boolean;
  readonly hasCondition: boolean;
}

/** Accounts that may change a policy; `*` for everybody. */
export interface Menders {
  /** Accounts whose root may, and so whoever IAM allows it there. */
  readonly roots: readonly string[];
  /** Accounts of which a named role or user may. */
  readonly named: readonly string[];
}

/** Tells whether a statement is about an action. AWS compares actions without regard to case. */
export function coversAction({ actions, notActions }: MendStatement, action: string): boolean {
  const fits = (pattern: string): boolean => patternOf(pattern).test(action);
  return actions.some(fits) || (notActions !== undefined && !notActions.some(fits));
}

const patternOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
      .replace(/[*]+/g, ".*")
      .replaceAll("?", ".")}$`,
    "is",
  );

/** Tells whether a policy refuses an action to everybody, without a condition; all but a few count as everybody. */
export const refusesAll = (statements: readonly MendStatement[], action: string): boolean =>
  statements.some(
    (one) =>
      one.effect === "Deny" &&
      !one.hasCondition &&
      coversAction(one, action) &&
      (one.hasNotPrincipal || one.principals.some(({ kind, who }) => who === "*" && (kind === "" || kind === "AWS"))),
  );

const OF_ACCOUNT = /^(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::(.+))?$/;

/** Tells to whom a key's policy leaves an action: to AWS principals alone, without a condition, where no statement refuses it. */
export function mendersIn(statements: readonly MendStatement[], action: string): Menders {
  if (refusesAll(statements, action)) return { roots: [], named: [] };
  const of = (effect: string) =>
    statements
      .filter((one) => one.effect === effect && !one.hasCondition && coversAction(one, action))
      .flatMap(({ principals }) => principals);
  const refused = new Set(of("Deny").map(({ who }) => accountIn(who)?.root));
  const [roots, named]: [string[], string[]] = [[], []];
  for (const { kind, who } of of("Allow")) {
    if (who === "*" && (kind === "" || kind === "AWS")) roots.push("*");
    const found = kind === "AWS" ? accountIn(who) : undefined;
    if (found === undefined || refused.has(found.account)) continue;
    (found.root === undefined ? named : roots).push(found.account);
  }
  return { roots, named };
}

function accountIn(who: string): { readonly account: string; readonly root: string | undefined } | undefined {
  const [, account, rest = "root"] = OF_ACCOUNT.exec(who) ?? [];
  return account === undefined ? undefined : { account, root: rest === "root" ? account : undefined };
}
