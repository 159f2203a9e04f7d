import stringify from "safe-stable-stringify";
import { isObject, type Plain } from "../events/values.ts";

/** Keys of inputs that the bridge to the provider adds. */
const NOISE = new Set(["__defaults", "__meta", "tagsAll"]);
/** Lists whose order means nothing to AWS, by the last name of their path. */
const SETS =
  /(?:^|\.)(?:vpcZoneIdentifiers|securityGroups|securityGroupIds|subnetIds|routeTableIds|enabledMetrics|suspendedProcesses|domains|alarmActions|subscriberEmailAddresses|notifications|blockDeviceMappings|tagSpecifications|blockedEncryptionTypes|initialLifecycleHooks|values)$/;
/** Properties that hold a document of IAM as text. */
export const POLICY = /^(?:policy|assumeRolePolicy)$/;

/** Returns the same text for values that mean the same. */
export function canonicalText(value: unknown): string {
  return stringify(value) ?? "null";
}

/** Inputs without noise, with sets in order and policy documents taken apart. */
export function canonicalInputs(inputs: { [key: string]: Plain }): { [key: string]: Plain } {
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([key]) => !NOISE.has(key))
      .map(([key, value]) => [
        key,
        typeof value === "string" && POLICY.test(key) ? policy(value) : canonical(value, key),
      ]),
  );
}

function canonical(value: Plain, path: string): Plain {
  if (Array.isArray(value)) {
    const list = value.map((one) => canonical(one, `${path}[]`));
    return SETS.test(path) || isTagList(list) ? sorted(list) : list;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !NOISE.has(key))
      .map(([key, one]) => [key, canonical(one, `${path}.${key}`)]),
  );
}

const isTagList = (list: readonly Plain[]): boolean =>
  list.length > 0 && list.every((one) => isObject(one) && "key" in one && "value" in one);

function sorted(list: readonly Plain[]): Plain[] {
  return list
    .map((one) => [canonicalText(one), one] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one);
}

/** A policy document whose statements, actions, resources and values of conditions are sets. */
function policy(text: string): Plain {
  try {
    const parsed = JSON.parse(text) as Plain;
    return isObject(parsed) ? setsOf(parsed) : text;
  } catch {
    return text;
  }
}

function setsOf(value: Plain): Plain {
  if (Array.isArray(value)) {
    const list = sorted(value.map(setsOf));
    // For IAM a single value means the same as a list with this value.
    return list.length === 1 ? (list[0] as Plain) : list;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, setsOf(one)]));
}
