/** Data that stays, and that nobody can read or look after any more. */
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, isObject, type Plain, plain } from "../events/values.ts";
import { type MendStatement, mendersIn, refusesAll } from "./mends.ts";

/** People's word for what a policy or setting locks. */
export const lockedKind = ({ type }: Merged): string =>
  /^(?:Key|KeyPolicy)$/.test(shortType(type)) ? "key" : "bucket";

/** Texts about what is locked by a change. */
export function locked({ op, type, old, new: wanted }: Merged): string[] {
  if (op === "same" || op === "delete" || (op === "create" && shortType(type) !== "BucketPolicy")) return [];
  const [before, after] = [old, wanted].map((side) => (plain(side?.inputs ?? {}) ?? {}) as { [key: string]: Plain });
  const [was, is] = [statementsIn(before?.["policy"]), statementsIn(after?.["policy"])];
  switch (shortType(type)) {
    case "BucketPolicy": {
      const locks = (action: string): boolean =>
        is !== undefined && refusesAll(is, action) && !refusesAll(was ?? [], action);
      if (locks("s3:getobject"))
        return [
          "Its policy denies everything to everybody: nobody reads it, and only the account's root can mend that.",
        ];
      return locks("s3:putbucketpolicy")
        ? ["Its policy lets nobody change it any more: only the account's root can mend that."]
        : [];
    }
    case "Key":
    case "KeyPolicy": {
      const isOff = after?.["isEnabled"] === false && before?.["isEnabled"] !== false;
      const isKept = is === undefined || isKeptBy(is, was);
      return [
        ...(isOff ? ["It is switched off: nothing that it encrypts can be read until it is on again."] : []),
        ...(isKept ? [] : ["Its policy lets nobody change it any more: only AWS can mend that."]),
      ];
    }
    default:
      return [];
  }
}

/** Statements of a policy; undefined where it is not known, or none. */
function statementsIn(policy: Plain | undefined): MendStatement[] | undefined {
  if (typeof policy !== "string")
    return policy === undefined || !isObject(policy) || hasUnknown(policy) ? undefined : of(policy);
  try {
    return of(JSON.parse(policy) as Plain);
  } catch {
    return undefined;
  }
}

function of(document: Plain): MendStatement[] {
  const statements = isObject(document) ? document["Statement"] : undefined;
  return listOf(statements)
    .filter(isObject)
    .map(({ Effect, Action, NotAction, Principal, NotPrincipal, Condition }) => ({
      effect: String(Effect),
      actions: listOf(Action).map(String),
      notActions: NotAction === undefined ? undefined : listOf(NotAction).map(String),
      principals: isObject(Principal)
        ? Object.entries(Principal).flatMap(([kind, who]) => listOf(who).map((one) => ({ kind, who: String(one) })))
        : listOf(Principal).map((one) => ({ kind: "", who: String(one) })),
      hasNotPrincipal: NotPrincipal !== undefined,
      hasCondition: isObject(Condition) && Object.keys(Condition).length > 0,
    }));
}

const listOf = (value: Plain | undefined): readonly Plain[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

/** Tells whether an account that could change a key's policy still can. AWS's own policy leaves it to the key's account. */
function isKeptBy(is: readonly MendStatement[], was: readonly MendStatement[] | undefined): boolean {
  const accountsIn = (all: readonly MendStatement[]): string[] => {
    const { roots, named } = mendersIn(all, "kms:putkeypolicy");
    return [...roots, ...named];
  };
  const [before, after] = [was === undefined ? ["*"] : accountsIn(was), accountsIn(is)];
  if (before.length === 0 || after.includes("*")) return true;
  return before.includes("*") ? after.length > 0 : after.some((one) => before.includes(one));
}
