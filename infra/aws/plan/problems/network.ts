import type { Problem, Settings } from "../../../settings/settings.ts";
import { NETWORK } from "../../defaults.ts";
import { cidrProblem, isRange, machinesPerZone, overlap } from "../../network/subnets.ts";
import { zonesOf } from "../zones.ts";
import { type Checked, problem } from "./found.ts";

/** Problems of the network: of the stack's own, or of one that is there. */
export function networkProblems({ settings }: Checked): Problem[] {
  const { network } = settings;
  const found =
    network.existing === undefined
      ? [...ownProblems(network), ...roomProblems(settings)]
      : existingProblems(network, zonesOf(settings));
  found.push(...domainProblems(network.dnsFirewall));
  if (isClosed(network) && !network.ssmEndpoints)
    found.push(
      problem(
        "network.nat",
        "none",
        "leaves machines without a way to SSM. Set network.ssmEndpoints to true, or nat to single.",
      ),
    );
  return found;
}

/** Tells whether a network leads to nothing but AWS's services. */
export function isClosed({ existing, nat }: Settings["network"]): boolean {
  return existing === undefined && nat === "none";
}

function ownProblems({ cidr, peerCidrs }: Settings["network"]): Problem[] {
  const found: Problem[] = [];
  const wrong = cidrProblem(cidr);
  if (wrong) found.push(problem("network.cidr", cidr, `${wrong}.`));
  for (const peer of peerCidrs) {
    if (!isRange(peer)) found.push(problem("network.peerCidrs", peer, "must be an IPv4 range such as 10.20.0.0/20."));
    else if (!wrong && overlap(cidr, peer))
      found.push(problem("network.cidr", cidr, `overlaps ${peer}. Write a range that is free.`));
  }
  return found;
}

/** A pool that no subnet has addresses for would stay smaller than asked, and only its group's activities would say why. */
function roomProblems(settings: Settings): Problem[] {
  const { cidr } = settings.network;
  if (cidrProblem(cidr)) return [];
  const room = zonesOf(settings).length * machinesPerZone(cidr);
  const most = ({ max, schedules }: Settings["pools"][string]): number =>
    Math.max(max, ...Object.values(schedules).map((at) => at.max));
  const machines = Object.values(settings.pools).reduce((sum, pool) => sum + most(pool), 0);
  const all = machines + Object.keys(settings.machines).length;
  if (all <= room) return [];
  return [
    problem(
      "network.cidr",
      cidr,
      `has addresses for ${room} machines in its zones, and the stack may have ${all}. Write a larger range, or smaller pools.`,
    ),
  ];
}

/** A name that Route 53 takes in a list of domains. */
const DOMAIN = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;

function domainProblems(domains: readonly string[]): Problem[] {
  return domains.flatMap((domain) => {
    if (domain === "*")
      return [problem("network.dnsFirewall", domain, "lets every name resolve. Leave the list empty, or write names.")];
    if (DOMAIN.test(domain) && domain.length <= 255) return [];
    return [problem("network.dnsFirewall", domain, "is no domain. Write names such as example.com or *.example.com.")];
  });
}

function idProblems({ vpcId, subnetIds, cidr }: NonNullable<Settings["network"]["existing"]>): Problem[] {
  const found: Problem[] = [];
  if (!/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/.test(vpcId))
    found.push(problem("network.existing.vpcId", vpcId, "must be a VPC's id, such as vpc-0123456789abcdef0."));
  if (!isRange(cidr))
    found.push(problem("network.existing.cidr", cidr, "must be the VPC's IPv4 range, such as 10.0.0.0/16."));
  const ids = Object.entries(subnetIds);
  for (const [index, [zone, id]] of ids.entries()) {
    const key = `network.existing.subnetIds.${zone}`;
    const [same] = ids.slice(0, index).find(([, other]) => other === id) ?? [];
    if (!/^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      found.push(problem(key, id, "must be a subnet's id, such as subnet-0123456789abcdef0."));
    else if (same !== undefined)
      found.push(problem(key, id, `is the subnet of ${same} too: a subnet lies in one zone. Correct one of them.`));
  }
  return found;
}

function existingProblems(network: Settings["network"], zones: readonly string[]): Problem[] {
  const found: Problem[] = network.existing === undefined ? [] : idProblems(network.existing);
  const subnetIds = network.existing?.subnetIds;
  for (const zone of zones) {
    if (subnetIds?.[zone] === undefined)
      found.push(problem("network.existing.subnetIds", subnetIds, `has no subnet for ${zone}.`));
  }
  const yours = "has no effect with network.existing, whose routes and endpoints are yours. Remove it.";
  if (network.nat !== NETWORK.nat) found.push(problem("network.nat", network.nat, yours));
  if (network.ssmEndpoints) found.push(problem("network.ssmEndpoints", true, yours));
  if (network.dnsFirewall.length > 0)
    found.push(
      problem(
        "network.dnsFirewall",
        network.dnsFirewall,
        "would hold for everything in network.existing's VPC. Remove it, and give that VPC a firewall where you make it.",
      ),
    );
  return found;
}
