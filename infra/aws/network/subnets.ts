import { Address4 } from "ip-address";

/** One zone's part of the network. */
export interface ZonePlan {
  readonly zone: string;
  /** Range of the subnet for machines. */
  readonly privateCidr: string;
  /** Range of the subnet for the zone's NAT gateway; unused without one. */
  readonly publicCidr: string;
}

/** Parts of a VPC's range: one for each letter that a zone's name can end with, and the last for NAT gateways. */
const PARTS_BITS = 3;
const LETTERS = "abcdefg";

/** Tells whether a zone's name ends with a letter that has a range. */
export function hasRange(zone: string): boolean {
  return LETTERS.includes(zone.slice(-1)) && zone !== "";
}

/**
 * Divides a VPC's range. Each zone has the eighth of it that belongs to its letter, and a 64th in the last eighth is for its NAT
 * gateway. So a zone keeps its subnets whatever other zones there are, and wherever it stands in the list.
 *
 * @param cidr from /16 to /22
 * @param zones names with a letter from a to g last
 */
export function planSubnets(cidr: string, zones: readonly string[]): ZonePlan[] {
  const range = new Address4(cidr);
  const prefix = range.subnetMask;
  const start = range.startAddress().bigInt();
  const size = (bits: number): bigint => 1n << BigInt(32 - bits);
  const [of, gateways] = [prefix + PARTS_BITS, prefix + 2 * PARTS_BITS];
  const subnet = (from: bigint, bits: number): string => `${Address4.fromBigInt(from).correctForm()}/${bits}`;
  return zones.map((zone) => {
    const index = BigInt(LETTERS.indexOf(zone.slice(-1)));
    return {
      zone,
      privateCidr: subnet(start + index * size(of), of),
      publicCidr: subnet(start + 7n * size(of) + index * size(gateways), gateways),
    };
  });
}

/** Addresses of a zone's subnet that AWS keeps (VPC user guide, "Subnet sizing"), and at most six endpoints' of ours. */
const TAKEN = 5 + 6;

/** The number of machines for which a zone's subnet has addresses. */
export function machinesPerZone(cidr: string): number {
  return 2 ** (32 - new Address4(cidr).subnetMask - PARTS_BITS) - TAKEN;
}

/** Tells whether two ranges share an address. */
export function overlap(a: string, b: string): boolean {
  const [x, y] = [new Address4(a), new Address4(b)];
  return x.isInSubnet(y) || y.isInSubnet(x);
}

/** Tells whether a text is an IPv4 range, with its prefix's length. */
export function isRange(text: string): boolean {
  return /^[\d.]+\/\d+$/.test(text) && Address4.isValid(text);
}

/** The problem of a VPC's range; undefined when there is none. */
export function cidrProblem(cidr: string): string | undefined {
  if (!Address4.isValid(cidr) || !cidr.includes("/")) return "must be an IPv4 range such as 10.20.0.0/16";
  const range = new Address4(cidr);
  if (range.startAddress().correctForm() !== range.correctForm()) return "must start at its first address";
  if (range.subnetMask < 16 || range.subnetMask > 22)
    return "must be from /16 to /22: a VPC has at most /16, and three zones need room";
  if (!["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].some((net) => range.isInSubnet(new Address4(net))))
    return "must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918)";
  return undefined;
}
