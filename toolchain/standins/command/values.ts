/** Property values as they come over the wire: JSON in which marked objects stand for secrets, assets and archives. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Properties = { [key: string]: Value };

// Fixed by Pulumi's protocol (sdk/go/common/resource/sig): the key that marks an object, and what it then is.
export const signatureKey = "4dabf18193072939515e22adb298388d";
export const signatures = {
  secret: "1b47061264138c4ac30d75fd1eb44270",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
} as const;

/** In a preview, a value that is not known before the update. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function isObject(value: Value | undefined): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value without any mark of secrecy, at any depth. */
export function reveal(value: Value): Value {
  if (Array.isArray(value)) return value.map(reveal);
  if (!isObject(value)) return value;
  if (value[signatureKey] === signatures.secret) return reveal(value["value"] ?? null);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

/** True when some part of the value is only known during the update. */
export function hasUnknown(value: Value): boolean {
  if (value === unknown) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

export function equal(one: Value | undefined, other: Value | undefined): boolean {
  return one === other || Object.keys(changesBetween({ value: one ?? null }, { value: other ?? null })).length === 0;
}

export type Change = "add" | "delete" | "update";

/** Changes between two property maps, by path as Pulumi writes it: `environment.HOME`, `triggers[0]`. */
export function changesBetween(olds: Properties, news: Properties): Record<string, Change> {
  const changes: Record<string, Change> = {};
  compare("", olds, news, changes);
  return changes;
}

function compare(
  path: string,
  one: Value | undefined,
  other: Value | undefined,
  changes: Record<string, Change>,
): void {
  // A property that is null is one that is not there.
  const [before, after] = [one ?? undefined, other ?? undefined];
  if (before === undefined && after === undefined) return;
  if (before === undefined) changes[path] = "add";
  else if (after === undefined) changes[path] = "delete";
  else if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      compare(`${path}[${index}]`, before[index], after[index], changes);
    }
  } else if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(pathOf(path, key), before[key], after[key], changes);
    }
  } else if (before !== after || hasUnknown(after)) changes[path] = "update";
}

function pathOf(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path ? `${path}.${key}` : key;
}
