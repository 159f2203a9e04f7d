import { BlockList, isIP } from "node:net";
import { LAYOUT } from "./layout.ts";

/** One TCP service of this computer, or of its network, that the machine may reach all the same. */
export interface HostService {
  /** As the machine dials it: canonical spelling. */
  readonly address: string;
  readonly port: number;
}

const SHAPE = "write ADDRESS:PORT, [IPv6 ADDRESS]:PORT or localhost:PORT";

/** Addresses that name no single service, or that QEMU's user network gives another meaning. */
const UNUSABLE = [
  { what: "the machine's own network", ranges: [LAYOUT.ipv4.network, LAYOUT.ipv6.network] },
  { what: "no host", ranges: ["0.0.0.0/8", "::/128", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8"] },
  { what: "only this computer's or one network link's own", ranges: ["127.0.0.0/8", "::1/128", "fe80::/10"] },
  // Credentials are handed out there to whoever asks.
  { what: "of metadata services", ranges: ["169.254.0.0/16", "168.63.129.16/32", "fd00:ec2::/32"] },
].map(({ what, ranges }) => {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return { what, list };
});

/**
 * Reads one entry of `cloister:hostAccess`.
 *
 * @returns the service, or in words what is wrong with the entry
 */
export function parseHostService(entry: string): HostService | string {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(entry) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain ?? "";
  if (digits === undefined || port < 1 || port > 65_535) return SHAPE;
  // The loopback of this computer is shown to the machine at the address of its gateway.
  if (host === "localhost" || host === "127.0.0.1") return { address: LAYOUT.ipv4.host, port };
  const family = isIP(host);
  if (family !== (bracketed === undefined ? 4 : 6)) return `names are not looked up: ${SHAPE}`;
  const unusable = UNUSABLE.find(({ list }) => list.check(host, family === 6 ? "ipv6" : "ipv4"));
  if (unusable) return `${host} is ${unusable.what}; ${SHAPE}`;
  return { address: canonical(host), port };
}

/** All entries, which the configuration's check has read before. */
export function hostServices(entries: readonly string[]): HostService[] {
  return entries.map((entry) => {
    const service = parseHostService(entry);
    if (typeof service === "string") throw new Error(`cloister:hostAccess ${JSON.stringify(entry)}: ${service}`);
    return service;
  });
}

/** One spelling for each address: RFC 5952 for IPv6. */
export function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

/** Adds `ADDRESS/PREFIX` to a list. */
export function addRange(list: BlockList, range: string): void {
  const [address = "", prefix] = range.split("/");
  list.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
}
