import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";
import { embeddedIPv4, isLoopbackName } from "@anthropic-ai/sandbox-runtime/dist/sandbox/address.js";
import {
  matchesDomainPattern,
  splitDomainPatternPort,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js";
import { canonicalizeHost, isValidHost } from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import { NetworkConfigSchema } from "@anthropic-ai/sandbox-runtime/dist/sandbox/sandbox-config.js";
import type { Problem } from "../../contract/problem.ts";
import { DENIED_RANGES } from "./addresses.ts";
import { GROUP_NAMES, groupWith, HOST_GROUPS } from "./groups.ts";
import type { PrivateException } from "./private.ts";

/** One entry of a session's allow list, taken apart. */
export interface EgressRule {
  /** The pattern as sandbox-runtime takes it: `host`, `*.host`, `[address]`, each with or without `:port`. */
  readonly pattern: string;
  /** The host alone, `*.host`, or an address without brackets. */
  readonly host: string;
  /** The port. Absent: any port. */
  readonly port?: number;
  /** The source of the rule as it was written: the entry itself, or the name of a group. */
  readonly source: string;
}

/** The checked list of what one session may reach. */
export interface EgressPolicy {
  readonly rules: readonly EgressRule[];
  /** Address ranges that no allowed name may resolve to. */
  readonly deniedResolvedAddresses: readonly string[];
  /** Hosts that may have private addresses all the same, each by name. @default none */
  readonly privateExceptions?: readonly PrivateException[];
}

export type PolicyResult =
  | { readonly policy: EgressPolicy; readonly problems: readonly [] }
  | { readonly policy?: undefined; readonly problems: readonly Problem[] };

const DENIED = DENIED_RANGES.map(({ range, what }) => {
  const list = new BlockList();
  const [address = "", prefix] = range.split("/");
  list.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
  return { list, what };
});

/** Returns why an address may not be reached; undefined when it may. */
export function deniedAddress(address: string): string | undefined {
  const carried = embeddedIPv4(address);
  const inList = (list: BlockList, one: string) => list.check(one, isIP(one) === 6 ? "ipv6" : "ipv4");
  return DENIED.find(({ list }) => inList(list, address) || (carried !== undefined && inList(list, carried)))?.what;
}

/**
 * Checks an allow list and makes a policy of it: hosts, and names of groups ({@link HOST_GROUPS}). An entry may hold
 * several, with commas between them.
 *
 * sandbox-runtime takes an address on the allow list as an explicit choice and does not judge it again; so addresses of
 * denied ranges, and names that stand for loopback, are refused here. All problems are reported, each with its value.
 */
export function parsePolicy(allow: readonly string[]): PolicyResult {
  const rules = new Map<string, EgressRule>();
  const problems: Problem[] = [];
  for (const entry of new Set(allow.flatMap((text) => text.split(",")).map((text) => text.trim()))) {
    const group = Object.hasOwn(HOST_GROUPS, entry) ? HOST_GROUPS[entry] : undefined;
    for (const pattern of group?.hosts ?? [entry]) {
      const problem = checkEntry(pattern);
      if (problem !== undefined) problems.push({ subject: "allow", value: entry, ...problem });
      else if (!rules.has(pattern)) rules.set(pattern, ruleOf(pattern, entry));
    }
  }
  if (problems.length > 0) return { problems };
  return {
    policy: { rules: [...rules.values()], deniedResolvedAddresses: DENIED_RANGES.map(({ range }) => range) },
    problems: [],
  };
}

/** Takes a checked entry apart. */
export function ruleOf(pattern: string, source: string = pattern): EgressRule {
  const { hostPattern, port } = splitDomainPatternPort(pattern);
  return { pattern, host: hostPattern, ...(port === undefined ? {} : { port }), source };
}

/** The first rule that allows a host, spelled canonically, and a port. */
export function ruleFor({ rules }: EgressPolicy, host: string, port: number): EgressRule | undefined {
  return rules.find((rule) => (rule.port ?? port) === port && matchesDomainPattern(host, rule.host));
}

/**
 * Returns the entry that allows a host that was denied: a group, or the host with its port. Undefined when no entry
 * can: the host is never reachable, or it is no host at all.
 */
export function entryFor(host: string, port: number): string | undefined {
  // A session may ask for any text: `*.example.com`, or `a.example,b.example`, is the entry of more than one host.
  if (/[*,]/.test(host)) return undefined;
  const entry = groupWith(host, port) ?? `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return parsePolicy([entry]).policy === undefined ? undefined : entry;
}

const SHAPE = "write HOST, HOST:PORT, *.HOST or [IPv6 address]";

/** What to write in place of a URL: its host and port, where they would be taken. */
function instead(url: string, otherwise: string): string {
  const { hostname = "", port = "" } = URL.canParse(url) ? new URL(url) : {};
  const name = domainToASCII(decoded(hostname));
  const host = port === "" ? name : `${name}:${port}`;
  return name !== "" && checkEntry(host) === undefined ? `write ${host}` : otherwise;
}

/** A name as it is: in URLs of other schemes than the web's it is in percent signs. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

function checkEntry(entry: string): Pick<Problem, "code" | "message"> | undefined {
  const wrong = (message: string) => ({ code: "CLOISTER_E_ALLOW", message }) as const;
  const never = (message: string) => ({ code: "CLOISTER_E_ALLOW_NEVER", message }) as const;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(entry)) return wrong(`this is a URL; ${instead(entry, SHAPE)}`);
  // Policies, audit rows and name servers have such names in their ASCII form alone.
  if (!/^[\0-\x7f]*$/.test(entry))
    return wrong(`a name with other than ASCII letters; ${instead(`x://${entry}`, SHAPE)}`);
  const parsed = NetworkConfigSchema.safeParse({ allowedDomains: [entry], deniedDomains: [] });
  if (!parsed.success) {
    const broad = /^\*(\.[^.]+)?(:\d+)?$/.test(entry) ? " (a whole top-level domain is too much)" : "";
    const groups = /^[a-z]+$/i.test(entry) ? ` or a group (${GROUP_NAMES.join(", ")})` : "";
    return wrong(`not a host${broad}${groups && " and no group"}; ${SHAPE}${groups}`);
  }
  const { hostPattern } = splitDomainPatternPort(entry);
  const name = hostPattern.replace(/^\*\./, "");
  const host = canonicalizeHost(name);
  if (host === undefined || !isValidHost(name)) return wrong(`not a host; ${SHAPE}`);
  if (isLoopbackName(host)) return never("the machine's own loopback is never reachable from a session");
  const why = isIP(host) === 0 ? undefined : deniedAddress(host);
  if (why !== undefined) return never(`${host} (${why}) is never reachable from a session`);
  if (isIP(host) !== 0 && host !== hostPattern) {
    return wrong(`an unusual spelling of the address ${host}; write the address itself`);
  }
  return undefined;
}
