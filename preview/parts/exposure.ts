import { at } from "../change-set/differences.ts";
import type { Exposure, IamChange } from "../change-set/document.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { type Plain, unknown } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { attachedTo, holderOf, inputsOf, isBeside, isGivenOut, isMissed, passingIn } from "./beside.ts";
import { iamChanges } from "./iam.ts";
import { nowInClear } from "./in-clear.ts";
import { inOneRegion } from "./region.ts";
import { looserRules } from "./rules.ts";
import { runsOnAws } from "./told.ts";
import { type Found, simpleWalls } from "./walls.ts";

type Inputs = { readonly [key: string]: Plain };

/**
 * Finds walls that are lower after the change: ways in and out that open, rights that grow, encryption and logs that
 * end. A new stack has no walls to compare with, and a thing that goes takes its walls along.
 */
export function exposures(all: readonly Merged[], scrubber: Scrubber, inClear: readonly string[] = []): Exposure[] {
  const resources = inOneRegion(all);
  const clear = inClear.map((key) => ({
    on: scrubber.text(key),
    what: "it was a secret, and is in the stack's file in clear",
    kind: "clear" as const,
  }));
  if (!resources.some(({ old }) => old !== undefined)) return clear;
  const passing = passingIn(resources);
  const found = resources.flatMap((resource) => {
    if (resource.op === "same") return [];
    const what = [
      ...ofProperties(resource, passing, resources),
      ...simpleWalls(resource, passing, resources),
      ...ofRights(resource, passing, scrubber, resources),
      ...shownSecrets(resource),
    ];
    return what.map((one) => ({
      on: scrubber.text(`${shortType(resource.type)} ${nameOf(resource.urn)}`),
      what: scrubber.text(one.what),
      kind: one.kind,
    }));
  });
  const seen = new Map([...clear, ...found].map((one) => [JSON.stringify(one), one]));
  return [...seen.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Values that were secrets, and are in the state in clear from now on. */
function shownSecrets({ op, old, new: wanted }: Merged): Found[] {
  if (op !== "update" && op !== "replace") return [];
  return nowInClear("", inputsOf(old), inputsOf(wanted)).map((path) => ({
    kind: "clear",
    what: `${path} was a secret, and is in the state in clear`,
  }));
}

const network = (what: string): Found[] => [{ kind: "network", what }];
const guard = (what: string): Found[] => [{ kind: "guard", what }];
const rights = (what: string): Found[] => [{ kind: "rights", what }];

function ofProperties(resource: Merged, passing: ReadonlySet<unknown>, all: readonly Merged[]): Found[] {
  const { op, type, old, new: wanted } = resource;
  const [before, after] = [inputsOf(old), inputsOf(wanted)];
  const wentOff = (path: string): boolean =>
    at(before, path) === true && at(after, path) !== true && at(after, path) !== unknown;
  switch (shortType(type)) {
    case "SecurityGroup":
    case "SecurityGroupRule":
    case "SecurityGroupIngressRule":
    case "SecurityGroupEgressRule":
      return looserRules(resource, all, passing).flatMap(network);
    case "Vpc":
      return op === "delete" && runsOnAws(all) && !all.some((one) => one.type === type && one.op !== "delete")
        ? network("machines go to a network that is not the stack's: nobody knows its ways in and out here")
        : [];
    case "Route": {
      const [was, is] = [wayOf(before), wayOf(after)];
      const isNew = op === "create" || was !== is;
      return op === "delete" || !isNew || is === undefined || !isBeside(after["routeTableId"], passing)
        ? []
        : network(`a way out to ${is}`);
    }
    case "ResolverFirewallRule":
      return (op === "update" || op === "replace") && before["action"] === "BLOCK" && after["action"] !== "BLOCK"
        ? network(`the DNS firewall no longer blocks names of one rule: ${textOf(after["action"])}`)
        : [];
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
      return op === "delete" && isMissedHere(before["vpcId"], passing, type, all)
        ? network("the DNS firewall goes: all names resolve")
        : [];
    case "FlowLog": {
      if (op === "delete")
        return isMissedHere(before["vpcId"], passing, type, all) ? guard("connections are logged no longer") : [];
      const [was, is] = [before["trafficType"], after["trafficType"]];
      return was === "ALL" && is !== "ALL" ? guard(`only some connections are logged: ${textOf(is)}`) : [];
    }
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
        // A launch template has a text.
        /"associatePublicIpAddress":"?true/.test(JSON.stringify([one["networkInterfaces"] ?? null, addressOf(one)])),
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
    case "UserPolicyAttachment":
    case "GroupPolicyAttachment":
    case "PolicyAttachment":
      return op === "delete" || !attachedTo(after).some((one) => isBeside(one, passing))
        ? []
        : rights(`has the policy ${textOf(after["policyArn"])} as well`);
    case "User":
    case "AccessKey":
      return op === "create" ? rights("a way in of its own: it has credentials that do not end") : [];
    default:
      return [];
  }
}

/** Rights that grow: of what was there, and of what is added to a role or bucket that was. */
function ofRights(
  resource: Merged,
  passing: ReadonlySet<unknown>,
  scrubber: Scrubber,
  all: readonly Merged[],
): Found[] {
  const { op, type, old, new: wanted } = resource;
  if (op === "delete") {
    const denies = JSON.stringify(inputsOf(old)["policy"] ?? null).includes("Deny");
    return denies && isMissed(resource, all, passing) ? rights("its policy goes, and with it all that it denied") : [];
  }
  if (op === "create") {
    const isAdded = /(?:Role|User|Group|Bucket|Key|Topic|Secret|Queue)Policy$/.test(type);
    const isOn = isAdded && isBeside(holderOf(inputsOf(wanted)), passing);
    if (!isOn && !isGivenOut(resource, all, passing)) return [];
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
    `gives more${toWhom(more)}: ${actions.slice(0, 8).join(", ")}${actions.length > 8 ? ` and ${actions.length - 8} more` : ""}`,
  );
}

/** Who gets rights by a policy that names somebody; a role's own policies name nobody. */
function toWhom(rows: readonly IamChange[]): string {
  const who = [...new Set(rows.flatMap(({ principals }) => principals))].map((one) =>
    one === "*" ? "everybody" : one,
  );
  if (who.length === 0) return "";
  return ` to ${who.slice(0, 3).join(", ")}${who.length > 3 ? ` and ${who.length - 3} more` : ""}`;
}

function textOf(value: Plain | undefined): string {
  if (value === undefined || value === null) return "";
  if (value === unknown) return "(known after the deploy)";
  return typeof value === "string" || typeof value === "number" ? String(value) : "(not shown)";
}

const listOf = (value: Plain | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");
const addressOf = ({ associatePublicIpAddress }: Inputs): object =>
  typeof associatePublicIpAddress === "boolean" ? { associatePublicIpAddress } : {};

/** Tells whether a network's guard goes while the network stays, or while machines go to another one that has none here. */
const isMissedHere = (
  vpc: Plain | undefined,
  passing: ReadonlySet<unknown>,
  type: string,
  all: readonly Merged[],
): boolean =>
  isBeside(vpc, passing) || (runsOnAws(all) && !all.some((one) => one.type === type && one.op !== "delete"));

/** What a route is to, and by which way: undefined for one that is to nothing that is known here. */
function wayOf(route: Inputs): string | undefined {
  const to = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"].find((key) => route[key]);
  const by = Object.keys(WAYS).find((key) => route[key]);
  if (to === undefined || by === undefined) return undefined;
  const way = route[by];
  if (way === "local") return undefined;
  const isInternet = by === "gatewayId" && typeof way === "string" && way.startsWith("igw-");
  return `${textOf(route[to])} by ${isInternet ? "an internet gateway" : WAYS[by]}`;
}

/** Ways by which a route may lead, by their keys. */
const WAYS: Readonly<Record<string, string>> = {
  natGatewayId: "a NAT gateway",
  gatewayId: "a gateway",
  egressOnlyGatewayId: "an egress-only gateway",
  transitGatewayId: "a transit gateway",
  vpcPeeringConnectionId: "a peering",
  networkInterfaceId: "a network interface",
  vpcEndpointId: "an endpoint",
  carrierGatewayId: "a carrier gateway",
  localGatewayId: "a local gateway",
  coreNetworkArn: "a core network",
};
