import { Address4 } from "ip-address";

/** One zone's part of the network. */
export interface ZonePlan {
  readonly zone: string;
  /** Range of the subnet for machines. */
  readonly privateCidr: string;
  /** Range of the subnet for the zone's NAT gateway; unused without one. */
  readonly publicCidr: string;
}

/**
 * Divides a VPC's range: the machines of each zone get a quarter of it, and a 64th in its last quarter is for NAT gateways. A zone keeps
 * its subnets when another is added after it.
 *
 * @param cidr from /16 to /22
 * @param zones at most three
 */
export function planSubnets(cidr: string, zones: readonly string[]): ZonePlan[] {
  const range = new Address4(cidr);
  const prefix = range.subnetMask;
  const start = range.startAddress().bigInt();
  const size = (bits: number): bigint => 1n << BigInt(32 - bits);
  return zones.map((zone, index) => ({
    zone,
    privateCidr: `${Address4.fromBigInt(start + BigInt(index) * size(prefix + 2)).correctForm()}/${prefix + 2}`,
    publicCidr: `${Address4.fromBigInt(start + 3n * size(prefix + 2) + BigInt(index) * size(prefix + 6)).correctForm()}/${prefix + 6}`,
  }));
}

/** Tells whether two ranges share an address. */
export function overlap(a: string, b: string): boolean {
  const [x, y] = [new Address4(a), new Address4(b)];
  return x.isInSubnet(y) || y.isInSubnet(x);
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
