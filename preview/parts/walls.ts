import { canonicalText } from "../change-set/canonical.ts";
import { at } from "../change-set/differences.ts";
import type { Exposure } from "../change-set/document.ts";
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasUnknown, isObject, type Plain } from "../events/values.ts";
import { isLooserAcl, isLooserList } from "./acl.ts";
import { alarmWalls } from "./alarm.ts";
import { inputsOf, isBeside } from "./beside.ts";
import { isAnotherTold, isToldLater, staysOnAws } from "./told.ts";

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
  const [before, after] = [inputsOf(old), inputsOf(wanted)];
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
      return one("network", isLooserAcl(resource, all, passing), "the access list of a subnet allows more");
    case "NetworkAcl":
    case "DefaultNetworkAcl":
      return one("network", isLooserList(resource, all, passing), "the access list of a subnet allows more");
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
    case "VpcEndpointPolicy":
      // An endpoint that stays gets AWS's own then, which allows everything.
      return one(
        "rights",
        op === "delete" && isBeside(before["vpcEndpointId"], passing),
        "its policy goes: everything is allowed through it",
      );
    case "Role": {
      if (!changes) return [];
      const had = new Set(listOf(before["managedPolicyArns"]));
      const more = listOf(after["managedPolicyArns"]).filter((arn) => !had.has(arn));
      const inline = [before, after].map(({ inlinePolicies }) => JSON.stringify(inlinePolicies ?? []));
      return [
        ...one("rights", more.length > 0, `has the policy ${more.join(", ")} as well`),
        ...one("rights", hasUnknown(after["managedPolicyArns"]), "has a policy that only the deploy knows"),
        ...one(
          "rights",
          inline[0] !== inline[1] && inline[1] !== "[]",
          "policies within the role are others: read them",
        ),
      ];
    }
    case "BucketServerSideEncryptionConfiguration": {
      const [was, is] = [encryptionOf(before), encryptionOf(after)];
      if (!changes || !was.isKeyed) return [];
      // A bucket that is made anew has nothing that another key encrypts.
      const isNew = isMadeAnew(before["bucket"], all);
      const isLost = !is.isKeyed || (was.key !== "" && is.key === "");
      return [
        ...one("guard", isLost, "new objects are not encrypted with the stack's key"),
        ...one(
          "guard",
          !isLost && !isNew && was.key !== "" && was.key !== is.key,
          "new objects are encrypted with another key",
        ),
      ];
    }
    case "Instance":
      return one(
        "guard",
        changes && turned(before, after, "sourceDestCheck", false),
        "the machine may send and take what is another's",
      );
    case "Budget": {
      // Where nothing runs any more, nothing is left to be warned of.
      if (op === "delete") return one("guard", staysOnAws(all), "nobody is warned of what it costs");
      const [was, is] = [Number(before["limitAmount"]), Number(after["limitAmount"])];
      return [
        ...one("guard", changes && is > was, `costs are warned of later: above ${is}, and not ${was}`),
        ...one("guard", changes && isToldLater(before, after), "a warning of costs comes later, or no longer"),
        ...one("told", changes && isAnotherTold(before, after), "others than before are warned of costs"),
      ];
    }
    case "Topic":
      return one("guard", op === "delete" && staysOnAws(all), "nobody hears of alarms");
    case "TopicSubscription": {
      if (op === "delete") return one("guard", staysOnAws(all), "nobody hears of alarms");
      const isOther = (key: string): boolean =>
        changes && canonicalText(before[key] ?? null) !== canonicalText(after[key] ?? null);
      const isFiltered = !isEmpty(after["filterPolicy"]) && (isOther("filterPolicy") || isOther("filterPolicyScope"));
      return [
        ...one(
          "told",
          isOther("endpoint"),
          "others than before hear of alarms, and nobody until the new address has confirmed AWS's mail",
        ),
        ...one("guard", isFiltered, "a filter decides of which alarms somebody hears: read it"),
        ...one(
          "guard",
          isOther("topic") && !isSuccessor(before["topic"], after["topic"], all),
          "somebody hears of another topic, and no longer of this one's alarms",
        ),
      ];
    }
    case "MetricAlarm":
      return alarmWalls(resource, all, passing).map((what): Found => ({ kind: "guard", what }));
    default:
      return [];
  }
}

/** True when a property has a value afterwards that it had not. */
const turned = (before: Inputs, after: Inputs, path: string, to: Plain): boolean =>
  at(after, path) === to && at(before, path) !== to;
/** Tells whether a topic that only the deploy knows takes the place of one that is made anew or goes. */
const isSuccessor = (topic: Plain | undefined, next: Plain | undefined, all: readonly Merged[]): boolean =>
  hasUnknown(next) &&
  all.some(
    ({ type, op, old }) =>
      shortType(type) === "Topic" && (op === "replace" || op === "delete") && (hasUnknown(topic) || old?.id === topic),
  );
const isMadeAnew = (bucket: Plain | undefined, all: readonly Merged[]): boolean =>
  all.some(({ op, old }) => op === "replace" && old !== undefined && old.id !== "" && old.id === bucket);

/** How new objects of a bucket are encrypted. One that only the deploy knows is with no key of the stack's. */
function encryptionOf(inputs: Inputs): { readonly isKeyed: boolean; readonly key: Plain } {
  const rules = Array.isArray(inputs["rules"]) ? inputs["rules"] : [];
  const { sseAlgorithm, kmsMasterKeyId: key } = Object.assign(
    {},
    ...rules.map((rule) => (isObject(rule) ? rule["applyServerSideEncryptionByDefault"] : undefined)).filter(isObject),
  ) as Inputs;
  const isKeyed = typeof sseAlgorithm === "string" && sseAlgorithm.startsWith("aws:kms");
  // A key has its id, or the ARN that ends with it.
  return { isKeyed, key: typeof key === "string" ? (key.split("/").at(-1) ?? "") : (key ?? "") };
}
const isEmpty = (value: Plain | undefined): boolean => value === undefined || value === null || value === "";
const listOf = (value: Plain | undefined): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
