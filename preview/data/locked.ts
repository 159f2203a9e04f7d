/** Data that stays, and that nobody can read or look after any more. */
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, isObject, type Plain, plain } from "../events/values.ts";

/** People's word for what a policy or setting locks. */
export const lockedKind = ({ type }: Merged): string =>
  /^(?:Key|KeyPolicy)$/.test(shortType(type)) ? "key" : "bucket";

/** Texts about what is locked by a change. */
export function locked({ op, type, old, new: wanted }: Merged): string[] {
  if (op === "same" || op === "delete" || (op === "create" && shortType(type) !== "BucketPolicy")) return [];
  const [before, after] = [old, wanted].map((side) => (plain(side?.inputs ?? {}) ?? {}) as { [key: string]: Plain });
  const [was, is] = [statementsIn(before?.["policy"]), statementsIn(after?.["policy"])];
  switch (shortType(type)) {
    case "BucketPolicy":
      return is?.some(deniesAll) && !was?.some(deniesAll)
        ? ["Its policy denies everything to everybody: nobody reads it, and only the account's root can mend that."]
        : [];
    case "Key":
    case "KeyPolicy": {
      const isOff = after?.["isEnabled"] === false && before?.["isEnabled"] !== false;
      const isKept = is === undefined || is.some(mends) || !was?.some(mends);
      return [
        ...(isOff ? ["It is switched off: nothing that it encrypts can be read until it is on again."] : []),
        ...(isKept ? [] : ["Its policy lets nobody change it any more: only AWS can mend that."]),
      ];
    }
    default:
      return [];
  }
}

type Statement = { readonly [key: string]: Plain };

/** Statements of a policy; undefined where it is not known, or none. */
function statementsIn(policy: Plain | undefined): Statement[] | undefined {
  if (typeof policy !== "string")
    return policy === undefined || !isObject(policy) || hasUnknown(policy) ? undefined : of(policy);
  try {
    return of(JSON.parse(policy) as Plain);
  } catch {
    return undefined;
  }
}

function of(document: Plain): Statement[] {
  const statements = isObject(document) ? document["Statement"] : undefined;
  return listOf(statements).filter(isObject) as Statement[];
}

const listOf = (value: Plain | undefined): readonly Plain[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const isEmpty = (value: Plain | undefined): boolean =>
  value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);

function deniesAll({ Effect, Principal, Action, Condition }: Statement): boolean {
  const everybody = listOf(isObject(Principal ?? null) ? (Principal as Statement)["AWS"] : Principal).includes("*");
  const everything = listOf(Action).some((one) => one === "*" || one === "s3:*" || one === "s3:GetObject*");
  return Effect === "Deny" && everybody && everything && isEmpty(Condition);
}

/** Tells whether somebody may change a key's policy by a statement. */
const mends = ({ Effect, Action, NotAction }: Statement): boolean =>
  Effect === "Allow" &&
  (NotAction !== undefined ||
    listOf(Action).some((one) => ["*", "kms:*", "kms:Put*", "kms:PutKeyPolicy"].includes(String(one))));
