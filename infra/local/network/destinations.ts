import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { embeddedIPv4 } from "@anthropic-ai/sandbox-runtime/dist/sandbox/address.js";
import { DENIED_RANGES } from "../../../guest/egress/addresses.ts";
import { addRange, canonical } from "./host-access.ts";

/** This computer's interfaces with their addresses, as `os.networkInterfaces()` gives them. */
export type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, "address" | "cidr">[] | undefined>
>;

/** Time for which an answer about this computer's addresses holds: networks come and go, IPv6 addresses change. Milliseconds. */
const FRESH_MS = 1_000;

/** A shorter prefix is no local network but a way to everywhere, such as a tunnel's. */
const SHORTEST = { 4: 8, 6: 32 } as const;

/** Number of answers that are kept: a machine that dials at random must not fill our memory. */
const KEPT = 4_096;

/**
 * Tells whether an address is one that the machine may not reach: of the ranges that no session may reach either, an
 * address of this computer, whatever its range, or one in a network that this computer is in.
 */
export class Destinations {
  readonly #look: () => readonly string[];
  readonly #now: () => number;
  #list = new BlockList();
  #known = new Map<string, boolean>();
  #seen: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param look tells this computer's addresses and networks, as ranges */
  constructor(look: () => readonly string[] = rangesOfHost, now: () => number = () => performance.now()) {
    this.#look = look;
    this.#now = now;
  }

  /** @param address IPv4 or IPv6, without a zone */
  denies(address: string): boolean {
    this.#refresh();
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const carried = embeddedIPv4(address);
    const denied = this.#listed(address) || (carried !== undefined && this.#listed(carried));
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(address, denied);
    return denied;
  }

  #listed(address: string): boolean {
    return this.#list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }

  #refresh(): void {
    const now = this.#now();
    if (now - this.#lookedAt < FRESH_MS) return;
    this.#lookedAt = now;
    const ranges = this.#look();
    const seen = ranges.join(" ");
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#known.clear();
    this.#list = new BlockList();
    for (const range of [...DENIED_RANGES.map(({ range }) => range), ...ranges]) addRange(this.#list, range);
  }
}

/** Addresses of this computer and the networks that it is in, as ranges. */
export function rangesOfHost(): string[] {
  const local = [
    ...localIPv4(textOf("/proc/net/fib_trie")),
    ...localIPv6(textOf("/proc/net/ipv6_route")),
    ...rangesOf(networkInterfaces()),
  ];
  return [...new Set(local)].sort();
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not Linux.
    return "";
  }
}

/**
 * The addresses that Linux itself takes for its own, those of interfaces without a carrier and whole ranges included, which
 * no list of interfaces shows. Text as in /proc/net/fib_trie.
 */
export function localIPv4(trie: string): string[] {
  return [...trie.matchAll(/\|-- ([\d.]+)\n((?: +\/\d+ .*\n)+)/g)].flatMap(([, address = "", leaves = ""]) =>
    [...leaves.matchAll(/\/(\d+) host LOCAL/g)].flatMap(([, prefix]) =>
      Number(prefix) >= SHORTEST[4] ? [`${address}/${prefix}`] : [],
    ),
  );
}

/** The same of /proc/net/ipv6_route: destination, prefix, six fields, flags, interface. */
export function localIPv6(routes: string): string[] {
  return routes.split("\n").flatMap((line) => {
    const [to = "", prefix = "", , , , , , , flags = "0"] = line.split(/ +/);
    const isLocal = (Number.parseInt(flags, 16) & RTF_LOCAL) !== 0;
    const length = Number.parseInt(prefix, 16);
    if (!isLocal || length < SHORTEST[6]) return [];
    return [`${canonical((to.match(/.{4}/g) ?? []).join(":"))}/${length}`];
  });
}

/** linux/ipv6_route.h. */
const RTF_LOCAL = 0x8000_0000;

/** The same of a list of interfaces. */
export function rangesOf(interfaces: Interfaces): string[] {
  const ranges = Object.values(interfaces).flatMap((addresses = []) =>
    addresses.flatMap(({ address, cidr }) => {
      const plain = address.replace(/%.*/, "");
      const family = isIP(plain);
      if (family !== 4 && family !== 6) return [];
      const prefix = Number(cidr?.split("/")[1] ?? Number.NaN);
      const own = `${plain}/${family === 6 ? 128 : 32}`;
      return prefix >= SHORTEST[family] ? [own, `${plain}/${prefix}`] : [own];
    }),
  );
  return [...new Set(ranges)].sort();
}
