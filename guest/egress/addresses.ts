/**
 * Addresses that no session may reach, by any name: the machine itself, its networks, its metadata service, and
 * addresses that are no destination at all. sandbox-runtime refuses some of these by itself; all are listed, so that
 * the list can be read in one place (IANA special-purpose registries, RFC 6890; metadata addresses: the providers'
 * documentation).
 *
 * IPv4 ranges bind the IPv6 forms that carry an IPv4 address too (mapped, compatible, NAT64, 6to4).
 */
export const DENIED_RANGES: readonly { readonly range: string; readonly what: string }[] = [
  { range: "0.0.0.0/8", what: "this host" },
  { range: "10.0.0.0/8", what: "a private network" },
  { range: "100.64.0.0/10", what: "a carrier's shared network" },
  { range: "127.0.0.0/8", what: "loopback" },
  { range: "168.63.129.16/32", what: "a metadata service" },
  { range: "169.254.0.0/16", what: "link-local, with the metadata services" },
  { range: "172.16.0.0/12", what: "a private network" },
  { range: "192.0.0.0/24", what: "reserved for protocols" },
  { range: "192.168.0.0/16", what: "a private network" },
  { range: "198.18.0.0/15", what: "reserved for benchmarks" },
  { range: "224.0.0.0/4", what: "multicast" },
  { range: "240.0.0.0/4", what: "reserved, with broadcast" },
  { range: "::/128", what: "this host" },
  { range: "::1/128", what: "loopback" },
  { range: "64:ff9b:1::/48", what: "translated to a local IPv4 network" },
  { range: "100::/64", what: "discarded" },
  { range: "2001::/32", what: "tunnelled to an IPv4 address" },
  { range: "fc00::/7", what: "a private network, with metadata services" },
  { range: "fe80::/10", what: "link-local" },
  { range: "fec0::/10", what: "site-local" },
  { range: "ff00::/8", what: "multicast" },
];
