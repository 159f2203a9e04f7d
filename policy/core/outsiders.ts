import type { World } from "./rule.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./value.ts";

/** Operators that are true of the values that they list alone. A key that is absent makes them false. */
const EQUAL = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"];
/** Keys whose value is an account or an organisation. */
const ACCOUNTS = new Set(["aws:principalaccount", "kms:calleraccount", "aws:principalorgid", "aws:sourceaccount"]);
/** Keys whose value is an ARN. */
const ARNS = new Set(["aws:sourcearn", "aws:principalarn"]);

/**
 * In words, to whom outside of the account a statement gives something; empty for none. Which account is the stack's only
 * `cloister:accountId` tells: without it, another's cannot be told from its own.
 */
export function outsidersIn(
  { effect, principals, not, condition }: Statement,
  { config }: Pick<World, "config">,
): string[] {
  if (effect !== "Allow") return [];
  const own = config["cloister:accountId"];
  const isAnother = (account: string): boolean => own !== undefined && own !== "" && account !== own;
  const found = principals.flatMap(({ kind, who }): string[] => {
    if (who === "*") {
      const closed = closedBy(condition);
      if (closed === undefined) return ["everybody"];
      return closed.filter((one) => /^\d{12}$/.test(one) && isAnother(one)).map((one) => `account ${one}`);
    }
    if (kind !== "AWS" && kind !== "Service") return [`${kind} ${who}`.trim()];
    const [, account] = /^(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::|$)/.exec(who) ?? [];
    return kind === "AWS" && account !== undefined && isAnother(account) ? [`account ${account}`] : [];
  });
  const allBut = not.includes("NotPrincipal") ? ["all but a few, by NotPrincipal"] : [];
  return [...allBut, ...new Set(found)];
}

/**
 * Accounts and organisations to which a condition closes `*`; undefined where it closes it to none. Other keys, as the time or
 * TLS, say nothing of who it is: `kms:ViaService` only by which of AWS's services.
 */
function closedBy(condition: Value): string[] | undefined {
  const closing = EQUAL.flatMap((operator) =>
    condition
      .at(operator)
      .entries()
      .map(([key, value]) => {
        const values = value.list().map((one) => one.text() ?? "");
        const parts = values.map((one) => closedPart(key.toLowerCase(), one));
        return parts.length > 0 && parts.every((one) => one !== undefined) ? (parts as string[]) : undefined;
      }),
  );
  const [first] = closing.filter((one) => one !== undefined);
  return first;
}

function closedPart(key: string, value: string): string | undefined {
  const isPattern = /[*?]/.test(value);
  if (ACCOUNTS.has(key)) return value === "" || isPattern ? undefined : value;
  if (!ARNS.has(key)) return undefined;
  const account = value.split(":")[4] ?? "";
  if (/^\d{12}$/.test(account)) return account;
  // Names of buckets are unique in the world, and their ARNs have no account.
  return account === "" && !isPattern && value.startsWith("arn:") ? value : undefined;
}
