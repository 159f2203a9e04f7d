/** Rules of security groups, in all forms in which the provider has them. */
import { Address4, Address6 } from "ip-address";
import { shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import type { EngineState } from "../events/schema.ts";
import { isObject, type Plain, plain, unknown } from "../events/values.ts";

type Inputs = { readonly [key: string]: Plain };

/** What one rule lets through: one peer, and a range of ports. */
export interface Rule {
  readonly way: "in" | "out";
  readonly group: Plain | undefined;
  readonly protocol: string;
  readonly from: Plain | undefined;
  readonly to: Plain | undefined;
  readonly peer: string;
}

const NOT_YET = "(known after the deploy)";
const NUMBERS: Readonly<Record<string, string>> = { all: "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6" };

/** Texts about rules that let more through than those that their group had. A new group's rules are no change. */
export function looserRules(resource: Merged, all: readonly Merged[], passing: ReadonlySet<unknown>): string[] {
  const rules = rulesOf(resource, resource.new);
  if (rules.length === 0) return [];
  const had = all.flatMap((one) => rulesOf(one, one.old));
  const [was] = rulesOf(resource, resource.old);
  return rules.flatMap((rule) => {
    // A group that is made anew takes its rules along.
    const group = rule.group === unknown ? was?.group : rule.group;
    if (typeof group !== "string" || group === "" || passing.has(group)) return [];
    const before = had.filter((one) => one.group === group);
    if (before.some((one) => covers(one, rule))) return [];
    // A network that gets another range: a rule that led to all of the old one leads to all of the new one.
    const range = movedRanges(group, all).get(rule.peer);
    if (range !== undefined && before.some((one) => covers(one, { ...rule, peer: range }))) return [];
    return [`lets ${portsOf(rule)} ${rule.way === "in" ? "in from" : "out to"} ${rule.peer}`];
  });
}

/** The range that the network of a group had before, by the one that it gets: none that is wider. */
function movedRanges(group: string, all: readonly Merged[]): ReadonlyMap<string, string> {
  const networks = all.flatMap(({ type, old }) =>
    shortType(type) === "SecurityGroup" && old?.id === group ? [plain(old.inputs["vpcId"] ?? null)] : [],
  );
  return new Map(
    all.flatMap(({ type, op, old, new: wanted }) => {
      if (shortType(type) !== "Vpc" || (op !== "replace" && op !== "update")) return [];
      if (old === undefined || !networks.includes(old.id)) return [];
      const [before, after] = [old, wanted].map((side) => plain(side?.inputs["cidrBlock"] ?? null));
      if (typeof before !== "string" || typeof after !== "string") return [];
      return isNoWider(after, before) ? [[after, before] as const] : [];
    }),
  );
}

const isNoWider = (after: string, before: string): boolean =>
  Address4.isValid(after) &&
  Address4.isValid(before) &&
  new Address4(after).subnetMask >= new Address4(before).subnetMask;

function rulesOf({ type, old }: Merged, side: EngineState | undefined): Rule[] {
  const inputs = (plain(side?.inputs ?? {}) ?? {}) as Inputs;
  if (Object.keys(inputs).length === 0) return [];
  const group = inputs["securityGroupId"];
  switch (shortType(type)) {
    case "SecurityGroupIngressRule":
      return [{ way: "in", group, ...portsIn(inputs, "ipProtocol"), peer: peerOf(inputs) }];
    case "SecurityGroupEgressRule":
      return [{ way: "out", group, ...portsIn(inputs, "ipProtocol"), peer: peerOf(inputs) }];
    case "SecurityGroupRule":
      return severalOf(inputs, inputs["type"] === "egress" ? "out" : "in", group);
    case "SecurityGroup":
      return (["ingress", "egress"] as const).flatMap((key) =>
        listOf(inputs[key]).flatMap((one) =>
          isObject(one) ? severalOf(one as Inputs, key === "ingress" ? "in" : "out", old?.id) : [],
        ),
      );
    default:
      return [];
  }
}

/** The rules of an older form, which has several peers. */
function severalOf(inputs: Inputs, way: Rule["way"], group: Plain | undefined): Rule[] {
  const keys = ["cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups", "sourceSecurityGroupId"];
  const peers = keys.flatMap((key) => listOf(inputs[key]).map(textOf));
  if (inputs["self"] === true) peers.push("itself");
  return peers.map((peer) => ({ way, group, ...portsIn(inputs, "protocol"), peer }));
}

export function portsIn(inputs: Inputs, key: string): Pick<Rule, "protocol" | "from" | "to"> {
  const protocol = textOf(inputs[key]).toLowerCase();
  return { protocol: NUMBERS[protocol] ?? protocol, from: inputs["fromPort"], to: inputs["toPort"] };
}

/** Tells whether one rule lets everything through that another lets through. */
export function covers(wide: Rule, narrow: Rule): boolean {
  const isSame = wide.from === narrow.from && wide.to === narrow.to;
  const isAround = Number(wide.from) <= Number(narrow.from) && Number(wide.to) >= Number(narrow.to);
  const ports = wide.protocol === "-1" || (wide.protocol === narrow.protocol && (isSame || isAround));
  return wide.way === narrow.way && ports && (wide.peer === narrow.peer || isWithin(narrow.peer, wide.peer));
}

/**
 * Tells whether a range of addresses lies in another one of its kind. Groups lie in none. A list has addresses of one family, of
 * which its id says nothing: beside all of IPv4 it is taken for one of IPv4, as those of AWS's own services are.
 */
function isWithin(inner: string, outer: string): boolean {
  if (outer === "0.0.0.0/0" && inner.startsWith("pl-")) return true;
  if (Address4.isValid(inner) && Address4.isValid(outer)) return new Address4(inner).isInSubnet(new Address4(outer));
  return Address6.isValid(inner) && Address6.isValid(outer) && new Address6(inner).isInSubnet(new Address6(outer));
}

function peerOf(inputs: Inputs): string {
  const peer =
    inputs["cidrIpv4"] ?? inputs["cidrIpv6"] ?? inputs["prefixListId"] ?? inputs["referencedSecurityGroupId"];
  return textOf(peer);
}

function portsOf({ protocol, from, to }: Rule): string {
  if (protocol === "-1" || protocol === "") return "everything";
  const [first, last] = [textOf(from), textOf(to)];
  return first === last ? `${protocol} ${first}`.trim() : `${protocol} ${first} to ${last}`;
}

const listOf = (value: Plain | undefined): Plain[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

function textOf(value: Plain | undefined): string {
  if (value === undefined || value === null) return "";
  if (value === unknown) return NOT_YET;
  return typeof value === "string" || typeof value === "number" ? String(value) : "(not shown)";
}
