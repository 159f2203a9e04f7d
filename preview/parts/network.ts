import type { NetworkChange } from "../change-set/document.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { isObject, type Plain, plain, unknown } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";

type Row = Omit<NetworkChange, "change">;

/**
 * Ways in and out that come and go, compared by their content. A rule that moves to another group is removed and added.
 */
export function networkChanges(resources: readonly Merged[], scrubber: Scrubber): NetworkChange[] {
  const names = new Map(resources.flatMap(({ urn, old }) => (old?.id ? [[old.id, nameOf(urn)] as const] : [])));
  const [before, after] = [new Map<string, Row>(), new Map<string, Row>()];
  for (const resource of resources) {
    if (resource.op === "same") continue;
    const take = (into: Map<string, Row>, state: Merged["old"]): void => {
      for (const row of rowsOf(resource, (plain(state?.inputs ?? {}) ?? {}) as { [key: string]: Plain }, names)) {
        const clean = Object.fromEntries(Object.entries(row).map(([key, text]) => [key, scrubber.text(text)])) as Row;
        into.set(JSON.stringify(clean), clean);
      }
    };
    if (resource.op !== "create" && resource.old) take(before, resource.old);
    if (resource.op !== "delete" && resource.new) take(after, resource.new);
  }
  const rows: NetworkChange[] = [
    ...[...after].filter(([key]) => !before.has(key)).map(([, row]) => ({ change: "added" as const, ...row })),
    ...[...before].filter(([key]) => !after.has(key)).map(([, row]) => ({ change: "removed" as const, ...row })),
  ];
  return rows.sort((a, b) => (JSON.stringify([a.what, a]) < JSON.stringify([b.what, b]) ? -1 : 1));
}

function rowsOf(resource: Merged, inputs: { [key: string]: Plain }, names: ReadonlyMap<string, string>): Row[] {
  const name = nameOf(resource.urn);
  const said = (value: Plain | undefined): string => {
    if (value === unknown) return "(known after the deploy)";
    if (value === undefined || value === null) return "";
    if (typeof value === "string") return names.get(value) ?? value;
    return Array.isArray(value) ? value.map(said).sort().join(", ") : isObject(value) ? "(an object)" : String(value);
  };
  const on = said(inputs["securityGroupId"] ?? inputs["routeTableId"] ?? inputs["vpcId"]);
  const peer = said(
    inputs["cidrIpv4"] ?? inputs["cidrIpv6"] ?? inputs["prefixListId"] ?? inputs["referencedSecurityGroupId"],
  );
  switch (shortType(resource.type)) {
    case "SecurityGroupEgressRule":
      return [{ what: "rule out", on, from: "the group", to: peer, ports: portsOf(inputs, said) }];
    case "SecurityGroupIngressRule":
      return [{ what: "rule in", on, from: peer, to: "the group", ports: portsOf(inputs, said) }];
    case "Route": {
      const through =
        inputs["natGatewayId"] ?? inputs["gatewayId"] ?? inputs["vpcEndpointId"] ?? inputs["transitGatewayId"];
      return [{ what: "route", on, from: said(inputs["destinationCidrBlock"]), to: said(through), ports: "" }];
    }
    case "VpcEndpoint":
      return [
        { what: "endpoint", on, from: "", to: said(inputs["serviceName"]), ports: said(inputs["vpcEndpointType"]) },
      ];
    case "NatGateway":
      return [{ what: "NAT gateway", on: said(inputs["subnetId"]), from: name, to: "the internet", ports: "" }];
    case "InternetGateway":
      return [{ what: "internet gateway", on, from: name, to: "the internet", ports: "" }];
    case "ResolverFirewallDomainList":
      return (Array.isArray(inputs["domains"]) ? inputs["domains"] : [inputs["domains"] ?? null]).map((domain) => ({
        what: "name",
        on: name,
        from: "",
        to: said(domain),
        ports: "",
      }));
    case "ResolverFirewallRule":
      return [
        { what: "DNS firewall", on: name, from: said(inputs["action"]), to: said(inputs["priority"]), ports: "" },
      ];
    default:
      return [];
  }
}

function portsOf(inputs: { [key: string]: Plain }, said: (value: Plain | undefined) => string): string {
  const [protocol, from, to] = [said(inputs["ipProtocol"]), said(inputs["fromPort"]), said(inputs["toPort"])];
  if (protocol === "-1") return "all";
  return `${protocol} ${from === to ? from : `${from} to ${to}`}`.trim();
}
