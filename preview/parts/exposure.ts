import { Address4 } from "ip-address";
import { at } from "../change-set/differences.ts";
import type { Exposure } from "../change-set/document.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, plain, unknown } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { iamChanges } from "./iam.ts";

type Inputs = { readonly [key: string]: Plain };

/**
 * Finds walls that are lower after the change: ways in and out that open, rights that grow, encryption and logs that
 * end. A new stack has no walls to compare with, and a thing that goes takes its walls along.
 */
export function exposures(resources: readonly Merged[], scrubber: Scrubber): Exposure[] {
  if (!resources.some(({ old }) => old !== undefined)) return [];
  // What goes, and what comes: neither was there before and after.
  const passing = new Set(
    resources.flatMap(({ op, old, new: wanted }) =>
      op === "delete" ? [old?.id] : op === "create" ? [wanted?.inputs["name"], wanted?.inputs["bucket"]] : [],
    ),
  );
  const found = resources.flatMap((resource) => {
    if (resource.op === "same") return [];
    const what = [...ofProperties(resource, passing, resources), ...ofRights(resource, passing, scrubber)];
    return what.map((one) => ({
      on: scrubber.text(`${shortType(resource.type)} ${nameOf(resource.urn)}`),
      what: scrubber.text(one.what),
      kind: one.kind,
    }));
  });
  const seen = new Map(found.map((one) => [JSON.stringify(one), one]));
  return [...seen.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

interface Found {
  readonly kind: Exposure["kind"];
  readonly what: string;
}

const network = (what: string): Found[] => [{ kind: "network", what }];
const guard = (what: string): Found[] => [{ kind: "guard", what }];
const rights = (what: string): Found[] => [{ kind: "rights", what }];

function ofProperties(
  { op, type, old, new: wanted }: Merged,
  passing: ReadonlySet<unknown>,
  all: readonly Merged[],
): Found[] {
  const before = (plain(old?.inputs ?? {}) ?? {}) as Inputs;
  const after = (plain(wanted?.inputs ?? {}) ?? {}) as Inputs;
  const wentOff = (path: string): boolean =>
    at(before, path) === true && at(after, path) !== true && at(after, path) !== unknown;
  switch (shortType(type)) {
    case "SecurityGroupIngressRule":
      return isLooser(after, type, before, passing, all)
        ? network(`lets ${portsOf(after)} in from ${peerOf(after)}`)
        : [];
    case "SecurityGroupEgressRule":
      return isLooser(after, type, before, passing, all)
        ? network(`lets ${portsOf(after)} out to ${peerOf(after)}`)
        : [];
    case "Route": {
      const gateway = ["natGatewayId", "gatewayId", "egressOnlyGatewayId", "transitGatewayId"].find(
        (key) => after[key] !== undefined,
      );
      const isNew = op === "create" || at(before, "destinationCidrBlock") !== at(after, "destinationCidrBlock");
      return op === "delete" || !isNew || gateway === undefined || !isBeside(after["routeTableId"], passing)
        ? []
        : network(`a way out to ${textOf(after["destinationCidrBlock"])}`);
    }
    case "ResolverFirewallDomainList": {
      if (op !== "update" && op !== "replace") return [];
      const had = new Set(listOf(before["domains"]));
      // A list of names that are refused: fewer are more.
      const more = listOf(after["domains"]).filter((one) => !had.has(one) && one !== "*");
      return more.length === 0
        ? []
        : network(`more names resolve: ${more.slice(0, 10).join(", ")}${more.length > 10 ? " ..." : ""}`);
    }
    case "ResolverFirewallRuleGroupAssociation":
      return op === "delete" && isBeside(before["vpcId"], passing)
        ? network("the DNS firewall goes: all names resolve")
        : [];
    case "FlowLog":
      return op === "delete" && isBeside(before["vpcId"], passing) ? guard("connections are logged no longer") : [];
    case "BucketPublicAccessBlock": {
      if (op === "create") return [];
      if (op === "delete")
        return isBeside(before["bucket"], passing) ? guard("nothing keeps the bucket from being public") : [];
      const off = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].filter(wentOff);
      return off.length > 0 ? guard(`the bucket may become public: ${off.join(", ")} off`) : [];
    }
    case "BucketServerSideEncryptionConfiguration":
      return op === "delete" && isBeside(before["bucket"], passing)
        ? guard("new objects are not encrypted with the stack's key")
        : [];
    case "Key":
      return op !== "delete" && wentOff("enableKeyRotation") ? guard("the key is no longer rotated") : [];
    case "LogGroup":
      return op === "update" && before["kmsKeyId"] !== undefined && after["kmsKeyId"] === undefined
        ? guard("new rows are not encrypted with the stack's key")
        : [];
    case "Volume":
      return op === "replace" && wentOff("encrypted") ? guard("the new disk is not encrypted") : [];
    case "LaunchTemplate":
    case "Instance": {
      if (op === "delete") return [];
      const tokens = [before, after].map((one) => at(one, "metadataOptions.httpTokens"));
      const hops = [before, after].map((one) => Number(at(one, "metadataOptions.httpPutResponseHopLimit") ?? 1));
      const isPublic = [before, after].map((one) =>
        JSON.stringify(plainOf(one)).includes('"associatePublicIpAddress":"true"'),
      );
      return [
        ...(wentOff("disableApiTermination") ? guard("others than this program may end the machine") : []),
        ...(tokens[0] === "required" && tokens[1] !== "required"
          ? guard("credentials of the machine without a token (IMDSv1)")
          : []),
        ...(old && (hops[1] ?? 1) > (hops[0] ?? 1)
          ? guard("credentials of the machine are reached over more hops")
          : []),
        ...(old && isPublic[1] && !isPublic[0] ? network("machines get a public address") : []),
      ];
    }
    case "Role": {
      if (op !== "update" && op !== "replace") return [];
      const [was, is] = [before["permissionsBoundary"], after["permissionsBoundary"]];
      if (was === undefined || was === "" || was === is) return [];
      return rights(is === undefined || is === "" ? "no boundary bounds it any more" : "another policy bounds it");
    }
    case "RolePolicyAttachment":
    case "PolicyAttachment":
      return op === "delete" || !isBeside(after["role"], passing)
        ? []
        : rights(`has the policy ${textOf(after["policyArn"])} as well`);
    case "Budget":
      return op === "delete" ? guard("nobody is warned of what it costs") : [];
    case "Topic":
    case "TopicSubscription":
      return op === "delete" ? guard("nobody hears of alarms") : [];
    case "User":
    case "AccessKey":
      return op === "create" ? rights("a way in of its own: it has credentials that do not end") : [];
    default:
      return [];
  }
}

/** Rights that grow: of what was there, and of what is added to a role or bucket that was. */
function ofRights(resource: Merged, passing: ReadonlySet<unknown>, scrubber: Scrubber): Found[] {
  const { op, type, new: wanted } = resource;
  if (op === "delete") return [];
  if (op === "create") {
    const inputs = (plain(wanted?.inputs ?? {}) ?? {}) as Inputs;
    const isAdded = /(?:RolePolicy|BucketPolicy|KeyPolicy|TopicPolicy)$/.test(type);
    if (!isAdded || !isBeside(inputs["role"] ?? inputs["bucket"] ?? inputs["keyId"] ?? inputs["arn"], passing))
      return [];
  }
  const more = iamChanges([resource], scrubber).filter(({ means }) => means === "broadens");
  if (more.length === 0) return [];
  const actions = [
    ...new Set(
      more.flatMap((row) =>
        row.effect === "Deny" ? row.actions.map((one) => `no longer denied: ${one}`) : row.actions,
      ),
    ),
  ];
  return rights(
    `gives more: ${actions.slice(0, 8).join(", ")}${actions.length > 8 ? ` and ${actions.length - 8} more` : ""}`,
  );
}

/** Tells whether a value names something that is there before and after the change, in this stack or elsewhere. */
const isBeside = (value: Plain | undefined, passing: ReadonlySet<unknown>): boolean =>
  typeof value === "string" && value !== "" && !passing.has(value);

/** Tells whether a rule lets more through than those that its group had. A new group's rules are no change to compare. */
function isLooser(
  rule: Inputs,
  type: string,
  before: Inputs,
  passing: ReadonlySet<unknown>,
  all: readonly Merged[],
): boolean {
  const group = rule["securityGroupId"];
  // A group that is made anew takes its rules along.
  const own = group === unknown ? before["securityGroupId"] : group;
  if (Object.keys(rule).length === 0 || !isBeside(own, passing)) return false;
  const had = all.flatMap((one) => (one.type === type && one.old ? [(plain(one.old.inputs) ?? {}) as Inputs] : []));
  return !had.some((one) => one["securityGroupId"] === own && coversRule(one, rule));
}

function coversRule(wide: Inputs, narrow: Inputs): boolean {
  const [a, b] = [portRange(wide), portRange(narrow)];
  const ports = a.protocol === "-1" || (a.protocol === b.protocol && a.from <= b.from && a.to >= b.to);
  const [one, other] = [peerOf(wide), peerOf(narrow)];
  return ports && (one === other || one === "0.0.0.0/0" || isWithin(other, one));
}

function portRange(inputs: Inputs): { protocol: string; from: number; to: number } {
  const number = (key: string): number => Number(inputs[key] ?? Number.NaN);
  return { protocol: textOf(inputs["ipProtocol"]), from: number("fromPort"), to: number("toPort") };
}

/** Tells whether a range of addresses lies in another one. */
function isWithin(inner: string, outer: string): boolean {
  if (!Address4.isValid(inner) || !Address4.isValid(outer)) return false;
  return new Address4(inner).isInSubnet(new Address4(outer));
}

function peerOf(inputs: Inputs): string {
  const peer =
    inputs["cidrIpv4"] ?? inputs["cidrIpv6"] ?? inputs["prefixListId"] ?? inputs["referencedSecurityGroupId"];
  return textOf(peer);
}

function portsOf(inputs: Inputs): string {
  const [protocol, from, to] = ["ipProtocol", "fromPort", "toPort"].map((key) => textOf(inputs[key]));
  if (protocol === "-1" || protocol === "") return "everything";
  return from === to ? `${protocol} ${from}`.trim() : `${protocol} ${from} to ${to}`;
}

function textOf(value: Plain | undefined): string {
  if (value === undefined || value === null) return "";
  if (value === unknown) return "(known after the deploy)";
  return typeof value === "string" || typeof value === "number" ? String(value) : "(not shown)";
}

const listOf = (value: Plain | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");
const plainOf = (value: Inputs): Plain => (isObject(value as Plain) ? (value["networkInterfaces"] ?? null) : null);
