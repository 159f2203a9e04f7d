import { BlockList, isIP } from "node:net";
import { embeddedIPv4, isLoopbackName } from "@anthropic-ai/sandbox-runtime/dist/sandbox/address.js";
import { canonicalizeHost, isValidHost } from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import {
  createResolvedAddressGuard,
  ResolvedAddressDeniedError,
  type ResolvedAddressGuard,
  type Resolver,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/resolved-address-guard.js";
import type { Problem } from "../../contract/problem.ts";
import { DENIED_RANGES } from "./addresses.ts";

/**
 * One named exception: this host may have an address of this private range. The allow list decides whether it may be
 * reached.
 */
export interface PrivateException {
  /** A name, spelled canonically. */
  readonly host: string;
  /** `ADDRESS/PREFIX`. */
  readonly range: string;
}

/** Ranges in which an operator may have hosts of his own. No other denied range has an exception. */
const EXCEPTABLE: readonly string[] = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "fc00::/7",
];

/**
 * Addresses of metadata services within these ranges. They are never an exception; sandbox-runtime has the same list.
 */
const METADATA: readonly string[] = [
  "100.100.100.200/32",
  "fd00:ec2::/32",
  "fd20:ce::254/128",
  "fd00:c1::a9fe:a9fe/128",
];

const SHAPE = "write HOST=ADDRESS/PREFIX, such as registry.corp.example=10.20.0.0/16";

/**
 * Reads `--allow-private HOST=CIDR`. The machine itself, loopback, link-local addresses and metadata services are never
 * an exception, neither here nor when a host's name resolves to one.
 *
 * @returns the exceptions, and all that is wrong with the entries, each with its value
 */
export function parsePrivate(entries: readonly string[]): {
  readonly exceptions: readonly PrivateException[];
  readonly problems: readonly Problem[];
} {
  const exceptions: PrivateException[] = [];
  const problems: Problem[] = [];
  for (const entry of new Set(entries.map((text) => text.trim()))) {
    const read = readEntry(entry);
    if (typeof read !== "string") exceptions.push(read);
    else problems.push({ code: "CLOISTER_E_ALLOW", subject: "allowPrivate", value: entry, message: read });
  }
  return { exceptions, problems };
}

function readEntry(entry: string): PrivateException | string {
  const [, name = "", address = "", digits = ""] = /^([^=\s]+)=([^/\s]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  const prefix = Number(digits);
  if (name === "" || family === 0 || prefix > (family === 6 ? 128 : 32)) return SHAPE;
  const host = canonicalizeHost(name);
  if (host === undefined || !isValidHost(name) || name.includes("*")) return `${name} is not a host; ${SHAPE}`;
  if (isIP(host) !== 0) return `${host} is an address; an exception is for a name; ${SHAPE}`;
  if (isLoopbackName(host)) return "the machine's own loopback is never reachable from a session";
  if (METADATA.some((range) => within(address, prefix, range))) {
    return `${address}/${prefix} is of a metadata service, which is never reachable from a session`;
  }
  if (!EXCEPTABLE.some((range) => within(address, prefix, range))) {
    const denied = rangeOf(address);
    const why = denied ? `is ${denied.what}, which has no exceptions` : "is no private range, and needs no exception";
    return `${address}/${prefix} ${why}. Exceptions are within ${EXCEPTABLE.join(", ")}`;
  }
  return { host, range: `${address}/${prefix}` };
}

/** Returns true when all of `address/prefix` is in a range. */
function within(address: string, prefix: number, range: string): boolean {
  return prefix >= Number(range.split("/")[1]) && contains(range, address);
}

function contains(range: string, address: string): boolean {
  const [network = "", prefix] = range.split("/");
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), isIP(network) === 6 ? "ipv6" : "ipv4");
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** The denied range of an address, or of the IPv4 address that it carries. */
function rangeOf(address: string): (typeof DENIED_RANGES)[number] | undefined {
  const carried = embeddedIPv4(address);
  return DENIED_RANGES.find(
    ({ range }) => contains(range, address) || (carried !== undefined && contains(range, carried)),
  );
}

/**
 * Makes the guard of a host that has exceptions. It first refuses addresses of denied ranges that are no exception of
 * this host. Then sandbox-runtime's own guard, without the private ranges, refuses the machine's addresses, loopback,
 * link-local addresses and metadata services.
 */
export function guardWith(exceptions: readonly PrivateException[], resolve: Resolver): ResolvedAddressGuard {
  return createResolvedAddressGuard({
    resolve: (hostname, options, callback) =>
      resolve(hostname, options, (error, addresses) => {
        if (error) return callback(error, addresses);
        const kept = addresses.filter(
          ({ address }) => exceptions.some(({ range }) => contains(range, address)) || rangeOf(address) === undefined,
        );
        if (kept.length > 0 || addresses.length === 0) return callback(null, kept);
        const denied = addresses.map(({ address }) => address);
        callback(new ResolvedAddressDeniedError(hostname, "resolved to a listed address", denied), []);
      }),
  });
}

/** The common causes of such answers when the host itself has no such address, by range. */
const CAUSES: Readonly<Record<string, string>> = {
  "198.18.0.0/15":
    "a VPN client or a proxy on this network that answers DNS with addresses of its own (fake IP) is the likely cause",
  "100.64.0.0/10": "a VPN client with addresses of its own, or a carrier's network, is the likely cause",
};
const PRIVATE_CAUSE = "DNS of a private network, or one that blocks this name, is the likely cause";

/** Tells the operator why a name's addresses were refused: host, address, range, cause and what to write. */
export function explainRefused(host: string, addresses: readonly string[], reason: string): string {
  const [first = ""] = addresses;
  const found = isIP(first) === 0 ? undefined : rangeOf(first);
  if (!found) return first === "" ? reason : `${reason}: ${host} is ${first}`;
  const { range, what } = found;
  const isPrivate = EXCEPTABLE.includes(range);
  const remedy = isPrivate ? `; if it is meant: --allow-private ${host}=${first}/${isIP(first) === 6 ? 128 : 32}` : "";
  const cause = isPrivate ? `; ${CAUSES[range] ?? PRIVATE_CAUSE}` : "";
  return `${reason}: ${host} is ${first}, in ${range} (${what})${cause}${remedy}`;
}

/** Tells the session the same, without the address. */
export function explainToSession(addresses: readonly string[], reason: string): string {
  const [first = ""] = addresses;
  const found = isIP(first) === 0 ? undefined : rangeOf(first);
  if (!found || !EXCEPTABLE.includes(found.range)) return reason;
  return `${reason}, of ${found.range} (${found.what}); ${CAUSES[found.range] ?? PRIVATE_CAUSE}`;
}
