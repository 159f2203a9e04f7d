import { BlockList, isIP } from "node:net";
import { embeddedIPv4, isLoopbackName } from "@anthropic-ai/sandbox-runtime/dist/sandbox/address.js";
import { splitDomainPatternPort } from "@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js";
import { canonicalizeHost, isValidHost } from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import { NetworkConfigSchema } from "@anthropic-ai/sandbox-runtime/dist/sandbox/sandbox-config.js";
import { DENIED_RANGES } from "./addresses.ts";

/** What one session may reach, checked. */
export interface EgressPolicy {
  /** Entries as sandbox-runtime takes them: `host`, `*.host`, `[address]`, each with or without `:port`. */
  readonly allowedDomains: readonly string[];
  /** Address ranges that no allowed name may resolve to. */
  readonly deniedResolvedAddresses: readonly string[];
}

export type PolicyResult =
  | { readonly policy: EgressPolicy; readonly problems: readonly [] }
  | { readonly policy?: undefined; readonly problems: readonly string[] };

const DENIED = DENIED_RANGES.map(({ range, what }) => {
  const list = new BlockList();
  const [address = "", prefix] = range.split("/");
  list.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
  return { list, what };
});

/** Why an address may not be reached, or undefined if it may. */
export function deniedAddress(address: string): string | undefined {
  const carried = embeddedIPv4(address);
  const inList = (list: BlockList, one: string) => list.check(one, isIP(one) === 6 ? "ipv6" : "ipv4");
  return DENIED.find(({ list }) => inList(list, address) || (carried !== undefined && inList(list, carried)))?.what;
}

/**
 * Checks the hosts of `--allow` and makes a policy of them.
 *
 * sandbox-runtime takes an address on the allow list as an explicit choice and does not judge it again; so addresses of
 * denied ranges, and names that stand for loopback, are refused here. All problems are reported, each with its value.
 */
export function parsePolicy(allow: readonly string[]): PolicyResult {
  const problems: string[] = [];
  const allowedDomains = [...new Set(allow.map((entry) => entry.trim()))];
  for (const entry of allowedDomains) {
    const problem = checkEntry(entry);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) return { problems };
  return {
    policy: { allowedDomains, deniedResolvedAddresses: DENIED_RANGES.map(({ range }) => range) },
    problems: [],
  };
}

const SHAPE = "write HOST, HOST:PORT, *.HOST or [IPv6 address]";

function checkEntry(entry: string): string | undefined {
  const quoted = `--allow ${JSON.stringify(entry)}`;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(entry)) return `${quoted}: this is a URL; ${SHAPE}`;
  const parsed = NetworkConfigSchema.safeParse({ allowedDomains: [entry], deniedDomains: [] });
  if (!parsed.success) {
    const broad = /^\*(\.[^.]+)?(:\d+)?$/.test(entry) ? " (a whole top-level domain is too much)" : "";
    return `${quoted}: not a host${broad}; ${SHAPE}`;
  }
  const { hostPattern } = splitDomainPatternPort(entry);
  const name = hostPattern.replace(/^\*\./, "");
  const host = canonicalizeHost(name);
  if (host === undefined || !isValidHost(name)) return `${quoted}: not a host; ${SHAPE}`;
  if (isLoopbackName(host)) return `${quoted}: the machine's own loopback is never reachable from a session`;
  const why = isIP(host) === 0 ? undefined : deniedAddress(host);
  if (why !== undefined) return `${quoted}: ${host} (${why}) is never reachable from a session`;
  if (isIP(host) !== 0 && host !== hostPattern) {
    return `${quoted}: an unusual spelling of the address ${host}; write the address itself`;
  }
  return undefined;
}
