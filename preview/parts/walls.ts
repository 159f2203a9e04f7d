import { at } from "../change-set/differences.ts";
import type { Exposure } from "../change-set/document.ts";
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, plain, unknown } from "../events/values.ts";

type Inputs = { readonly [key: string]: Plain };

/** A wall that is lower after the change. */
export interface Found {
  readonly kind: Exposure["kind"];
  readonly what: string;
}

/**
 * Walls of which nothing must be compared but two values of one property.
 *
 * @param passing ids of what goes, and names of what comes
 */
export function simpleWalls(resource: Merged, passing: ReadonlySet<unknown>, all: readonly Merged[]): Found[] {
  const { op, type, old, new: wanted } = resource;
  const before = (plain(old?.inputs ?? {}) ?? {}) as Inputs;
  const after = (plain(wanted?.inputs ?? {}) ?? {}) as Inputs;
  const changes = op === "update" || op === "replace";
  const one = (kind: Found["kind"], is: boolean, what: string): Found[] => (is ? [{ kind, what }] : []);
  switch (shortType(type)) {
    case "Subnet":
      return one(
        "network",
        changes && turned(before, after, "mapPublicIpOnLaunch", true),
        "machines get a public address",
      );
    case "NetworkAclRule":
      return one(
        "network",
        op !== "delete" && after["ruleAction"] === "allow",
        "the access list of a subnet allows more",
      );
    case "ResolverFirewallConfig":
      return one(
        "network",
        op !== "delete" && turned(before, after, "firewallFailOpen", "ENABLED"),
        "names resolve while the DNS firewall does not answer",
      );
    case "SnapshotCreateVolumePermission":
      return one("rights", op !== "delete", "another account may read a snapshot of a disk");
    case "AmiLaunchPermission":
      return one("rights", op !== "delete", "others may start machines of an image, and read what is in it");
    case "VpcEndpoint":
      return one(
        "rights",
        changes && !isEmpty(before["policy"]) && isEmpty(after["policy"]),
        "its policy goes: everything is allowed through it",
      );
    case "Role": {
      if (!changes) return [];
      const had = new Set(listOf(before["managedPolicyArns"]));
      const more = listOf(after["managedPolicyArns"]).filter((arn) => !had.has(arn));
      const inline = [before, after].map(({ inlinePolicies }) => JSON.stringify(inlinePolicies ?? []));
      return [
        ...one("rights", more.length > 0, `has the policy ${more.join(", ")} as well`),
        ...one(
          "rights",
          inline[0] !== inline[1] && inline[1] !== "[]",
          "policies within the role are others: read them",
        ),
      ];
    }
    case "BucketServerSideEncryptionConfiguration":
      return one(
        "guard",
        changes && keyed(before) && !keyed(after) && !JSON.stringify(after).includes(JSON.stringify(unknown)),
        "new objects are not encrypted with the stack's key",
      );
    case "Instance":
      return one(
        "guard",
        changes && turned(before, after, "sourceDestCheck", false),
        "the machine may send and take what is another's",
      );
    case "Budget": {
      const [was, is] = [Number(before["limitAmount"]), Number(after["limitAmount"])];
      return one("guard", changes && is > was, `costs are warned of later: above ${is}, and not ${was}`);
    }
    case "MetricAlarm": {
      const isSilent = (inputs: Inputs): boolean =>
        inputs["actionsEnabled"] === false || listOf(inputs["alarmActions"]).length === 0;
      const known = !JSON.stringify(after["alarmActions"] ?? null).includes(JSON.stringify(unknown));
      if (changes) return one("guard", known && !isSilent(before) && isSilent(after), "the alarm tells nobody");
      // One that goes with its machine, or is made anew under another name, is not missed.
      const watched = isObject(before["dimensions"]) ? Object.values(before["dimensions"]) : [];
      const isMade = all.some((other) => other.op === "create" && shortType(other.type) === "MetricAlarm");
      return one("guard", op === "delete" && !isMade && !watched.some((id) => passing.has(id)), "the alarm goes");
    }
    default:
      return [];
  }
}

/** True when a property has a value afterwards that it had not. */
const turned = (before: Inputs, after: Inputs, path: string, to: Plain): boolean =>
  at(after, path) === to && at(before, path) !== to;
const keyed = (inputs: Inputs): boolean => JSON.stringify(inputs).includes('"aws:kms');
const isEmpty = (value: Plain | undefined): boolean => value === undefined || value === null || value === "";
const listOf = (value: Plain | undefined): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
