import { canonicalText } from "../change-set/canonical.ts";
import { member } from "../change-set/differences.ts";
import { hasSecret, isObject, type Plain, secret, unknown } from "../events/values.ts";

/**
 * Paths of values that were secrets and are in clear after a change, leaf by leaf: one secret that stays hides no other
 * that does not. A value that only the deploy knows is not in clear as far as anybody knows.
 */
export function nowInClear(path: string, before: Plain | undefined, after: Plain | undefined): string[] {
  if (!hasSecret(before) || !isClear(after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = Object.keys(after).sort();
    const found = keys
      .filter((key) => Object.hasOwn(before, key))
      .flatMap((key) => nowInClear(member(path, key), before[key], after[key]));
    // A secret under another key: nobody can tell which of the new values it is.
    const isMoved =
      path !== "" &&
      Object.keys(before).some((key) => !Object.hasOwn(after, key) && hasSecret(before[key])) &&
      keys.some((key) => !Object.hasOwn(before, key) && isClear(after[key]));
    return isMoved && found.length === 0 ? [path] : found;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    // What the list had in clear before is no news, wherever it is now.
    const known = new Set(before.filter((one) => !hasSecret(one)).map((one) => canonicalText(one)));
    const isNews = (one: Plain): boolean => isClear(one) && !hasSecret(one) && !known.has(canonicalText(one));
    const found = after.flatMap((one, i) =>
      known.has(canonicalText(one)) ? [] : nowInClear(`${path}[${i}]`, before[i], one),
    );
    // A secret in another place of the list.
    const isMoved = before.filter(hasSecret).length > after.filter(hasSecret).length && after.some(isNews);
    return isMoved && found.length === 0 ? [path] : found;
  }
  return [path];
}

/** Tells whether something of a value can be read. */
function isClear(value: Plain | undefined): boolean {
  if (value === undefined || value === null || value === secret || value === unknown) return false;
  if (Array.isArray(value)) return value.some(isClear);
  return isObject(value) ? Object.values(value).some(isClear) : true;
}
