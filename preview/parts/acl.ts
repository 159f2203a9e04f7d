/** Rules of subnets' access lists. Of those that fit, the one with the lowest number decides; none denies. */
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, unknown } from "../events/values.ts";
import { inputsOf } from "./beside.ts";
import { covers as coversPorts, portsIn, type Rule } from "./rules.ts";

interface AclRule {
  readonly list: Plain | undefined;
  readonly number: number;
  /** Also of a rule of which only the deploy knows it. */
  readonly allows: boolean;
  readonly what: Rule;
  /** Its ranges: of IPv4, of IPv6, or one of each. */
  readonly peers: readonly (Plain | undefined)[];
  readonly icmp: readonly string[];
}

/** Tells whether a list that stays lets more through: a rule that allows more, or one that denies less. */
export function isLooserAcl(resource: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): boolean {
  const [was, is] = [ruleOf(resource.old), ruleOf(resource.new)];
  const isNew = (list: Plain | undefined): boolean =>
    list === unknown
      ? all.some(({ op, type }) => op === "create" && shortType(type) === "NetworkAcl")
      : passing.has(list);
  const comes = (rule: AclRule): boolean => rule.allows && !isNew(rule.list);
  const goes = (rule: AclRule): boolean => !rule.allows && !passing.has(rule.list);
  if (resource.op === "delete") return was !== undefined && goes(was);
  if (is === undefined) return false;
  if (was === undefined) return comes(is);
  const isMoved = is.list !== unknown && is.list !== was.list;
  if (isMoved) return comes(is) || goes(was);
  if (was.allows !== is.allows) return is.allows;
  const [wide, narrow] = is.allows ? [was, is] : [is, was];
  return !covers(wide, narrow) || overtakes(was, is, all);
}

/**
 * Tells whether a list whose rules are within it lets more through. It does not when each rule that allows was allowed by one
 * before, and whatever was denied before that one is denied before this one as well.
 */
export function isLooserList(resource: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): boolean {
  const { op, old, new: wanted } = resource;
  if (old === undefined) return false;
  const [before, after] = [inputsOf(old), inputsOf(wanted)];
  if (leavesSubnets(resource, all, passing)) return true;
  if (op !== "update" && op !== "replace") return false;
  const [had, has] = [rulesIn(before), rulesIn(after)];
  if (has === undefined) return true;
  return has.some((rule) => rule.allows && !isAllowedIn(had ?? [], rule, has));
}

function isAllowedIn(had: readonly AclRule[], rule: AclRule, has: readonly AclRule[]): boolean {
  const earlier = (all: readonly AclRule[], than: AclRule): AclRule[] =>
    all.filter((one) => !one.allows && one.what.way === than.what.way && one.number < than.number);
  return had.some(
    (one) =>
      one.allows &&
      covers(one, rule) &&
      earlier(had, one).every((denied) => earlier(has, rule).some((denies) => covers(denies, denied))),
  );
}

/** Subnets that stay and leave a list get the VPC's own, which may allow all. */
function leavesSubnets(resource: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): boolean {
  const subnetsOf = (side: Merged["old"]): Plain[] => {
    const found = inputsOf(side)["subnetIds"];
    return Array.isArray(found) ? found : [];
  };
  const after = all.filter(({ type, op }) => shortType(type) === "NetworkAcl" && op !== "delete");
  const taken = new Set(after.flatMap((one) => subnetsOf(one.new)));
  if (taken.has(unknown)) return false;
  return subnetsOf(resource.old).some((id) => !passing.has(id) && !taken.has(id));
}

/** Rules within a list; undefined where only the deploy knows them. */
function rulesIn(inputs: { readonly [key: string]: Plain }): AclRule[] | undefined {
  const found: AclRule[] = [];
  for (const [key, isOut] of [
    ["ingress", false],
    ["egress", true],
  ] as const) {
    const rules = inputs[key] ?? [];
    if (!Array.isArray(rules)) return undefined;
    for (const rule of rules) {
      if (!isObject(rule)) return undefined;
      const { action, ruleNo, icmpType, icmpCode, ...rest } = rule;
      const icmp = { icmpType: icmpType ?? 0, icmpCode: icmpCode ?? 0 };
      found.push(
        ruleIn({ ...rest, ...icmp, ruleAction: action ?? unknown, ruleNumber: ruleNo ?? unknown, egress: isOut }),
      );
    }
  }
  return found;
}

/** Tells whether a rule that allows comes before one that denies, or one that denies behind one that allows. */
function overtakes(was: AclRule, is: AclRule, all: readonly Merged[]): boolean {
  if (was.number === is.number) return false;
  if (is.allows ? is.number > was.number : is.number < was.number) return false;
  const [least, most] = [Math.min(was.number, is.number), Math.max(was.number, is.number)];
  // A number that is not known may be any.
  if (Number.isNaN(least)) return true;
  const others = all.flatMap((one) => (shortType(one.type) === "NetworkAclRule" ? [one.old, one.new].map(ruleOf) : []));
  return others.some(
    (one) =>
      one !== undefined &&
      one.allows !== is.allows &&
      one.what.way === is.what.way &&
      one.list === was.list &&
      !(one.number < least || one.number > most),
  );
}

function ruleOf(side: Merged["old"]): AclRule | undefined {
  if (side === undefined) return undefined;
  return ruleIn(inputsOf(side));
}

function ruleIn(inputs: { readonly [key: string]: Plain }): AclRule {
  const peers = [inputs["cidrBlock"], inputs["ipv6CidrBlock"]].map((one) => one || undefined);
  return {
    list: inputs["networkAclId"],
    number: Number(inputs["ruleNumber"] === unknown ? Number.NaN : inputs["ruleNumber"]),
    allows: inputs["ruleAction"] !== "deny",
    what: {
      way: inputs["egress"] === true ? "out" : "in",
      group: undefined,
      ...portsIn(inputs, "protocol"),
      peer: "",
    },
    peers,
    icmp: ["icmpType", "icmpCode"].map((key) => JSON.stringify(inputs[key] ?? null).replaceAll('"', "")),
  };
}

/** Tells whether a rule fits all that another one fits, of both families of addresses. */
function covers(wide: AclRule, narrow: AclRule): boolean {
  const isKnown = [wide, narrow].every(
    ({ what, peers }) =>
      what.from !== unknown &&
      what.to !== unknown &&
      peers.every((one) => one === undefined || typeof one === "string") &&
      peers.some((one) => one !== undefined),
  );
  const messages = wide.icmp.every((one, i) => one === "-1" || one === narrow.icmp[i]);
  const ranges = narrow.peers.every((peer, i) => {
    const around = wide.peers[i];
    if (typeof peer !== "string") return true;
    return typeof around === "string" && coversPorts({ ...wide.what, peer: around }, { ...narrow.what, peer });
  });
  return isKnown && messages && ranges;
}
