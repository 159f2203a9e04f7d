import { canonical, type HostService } from "./host-access.ts";
import { LAYOUT, SSH } from "./layout.ts";

/** Rules for packets that leave the machine. */
export interface PacketRules {
  /** Tells whether an address is one that the machine may not reach. */
  readonly denies: (address: string) => boolean;
  /** Services that it may reach although their address is denied. */
  readonly services: readonly HostService[];
}

/** Judges one Ethernet frame that the machine sends: true lets it pass. */
export type Judge = (frame: Buffer) => boolean;

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
const ETHERNET = 14;
const DNS = 53;
/** TCP flags RST and ACK: one of them is on every segment but a connection's first (RFC 9293, 3.5). */
const NOT_FIRST = 0x14;
/** Router solicitation, neighbour solicitation and advertisement (RFC 4861). */
const NEIGHBOURS: readonly number[] = [133, 135, 136];
const ECHO_REQUEST = { [ICMP]: 8, [ICMPV6]: 128 } as const;

/** One packet, as far as it decides where it goes. */
interface Packet {
  readonly to: string;
  readonly protocol: number;
  /** Port of TCP and UDP; 0 otherwise. */
  readonly fromPort: number;
  readonly toPort: number;
  /** Flags of TCP, or type of ICMP. */
  readonly kind: number;
}

/**
 * Makes the judge of a machine's frames. It keeps no state: each packet is judged by where it goes. What it does not
 * know does not pass: other protocols than ARP, IPv4 and IPv6, fragments, options, extension headers.
 *
 * The user network would lead every address of {@link LAYOUT} to the loopback of this computer, on any port, and the
 * address for DNS to any port of this computer's name server: so of these only what is named here passes.
 */
export function judgeOf({ denies, services }: PacketRules): Judge {
  const allowed = new Set(services.map(({ address, port }) => `${address} ${port}`));

  const ipv4 = (packet: Packet): boolean => {
    const { to, protocol, fromPort, toPort, kind } = packet;
    if (protocol === TCP && allowed.has(`${to} ${toPort}`)) return true;
    // Answers to the operator's ssh, which comes from the gateway's address: they open no connection.
    if (to === LAYOUT.ipv4.host && protocol === TCP) return fromPort === SSH && (kind & NOT_FIRST) !== 0;
    if (to === LAYOUT.ipv4.host || to === "255.255.255.255")
      return protocol === UDP && fromPort === 68 && toPort === 67;
    if (to === LAYOUT.ipv4.dns) return toPort === DNS;
    return elsewhere(packet);
  };

  const ipv6 = (packet: Packet): boolean => {
    const { to, protocol, fromPort, toPort, kind } = packet;
    if (protocol === TCP && allowed.has(`${to} ${toPort}`)) return true;
    if (to === LAYOUT.ipv6.dns && protocol !== ICMPV6) return toPort === DNS;
    // The neighbours of the machine's own network; DHCP.
    if (/^(fe80|fec0|ff02):/.test(to) && protocol === ICMPV6) return NEIGHBOURS.includes(kind);
    if (to === "ff02::1:2") return protocol === UDP && fromPort === 546 && toPort === 547;
    return elsewhere(packet);
  };

  const elsewhere = ({ to, protocol, kind }: Packet): boolean => {
    if ((protocol === ICMP || protocol === ICMPV6) && kind !== ECHO_REQUEST[protocol]) return false;
    return !denies(to);
  };

  return (frame) => {
    if (frame.length < ETHERNET) return false;
    switch (frame.readUInt16BE(12)) {
      case 0x0806:
        return isArp(frame);
      case 0x0800: {
        const packet = readIPv4(frame);
        return packet !== undefined && ipv4(packet);
      }
      case 0x86dd: {
        const packet = readIPv6(frame);
        return packet !== undefined && ipv6(packet);
      }
      default:
        return false;
    }
  };
}

/** RFC 826: a whole request or answer for IPv4 over Ethernet. Some versions of libslirp read past the end of a shorter one. */
function isArp(frame: Buffer): boolean {
  if (frame.length < ETHERNET + 28) return false;
  const [hardware, protocol, lengths, operation] = [0, 2, 4, 6].map((at) => frame.readUInt16BE(ETHERNET + at));
  return hardware === 1 && protocol === 0x0800 && lengths === 0x0604 && (operation === 1 || operation === 2);
}

/** RFC 791. Nothing for what is no whole packet without options. */
function readIPv4(frame: Buffer): Packet | undefined {
  if (frame.length < ETHERNET + 20 || frame[ETHERNET] !== 0x45) return undefined;
  const end = ETHERNET + frame.readUInt16BE(ETHERNET + 2);
  // More fragments, or not the first one.
  if (end > frame.length || (frame.readUInt16BE(ETHERNET + 6) & 0x3fff) !== 0) return undefined;
  const to = `${frame[30]}.${frame[31]}.${frame[32]}.${frame[33]}`;
  return readTransport(frame.subarray(ETHERNET + 20, end), to, frame[ETHERNET + 9] ?? 0, [TCP, UDP, ICMP]);
}

/** RFC 8200. Nothing for what has extension headers. */
function readIPv6(frame: Buffer): Packet | undefined {
  if (frame.length < ETHERNET + 40 || (frame.readUInt8(ETHERNET) & 0xf0) !== 0x60) return undefined;
  const end = ETHERNET + 40 + frame.readUInt16BE(ETHERNET + 4);
  if (end > frame.length) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => frame.readUInt16BE(ETHERNET + 24 + 2 * i).toString(16));
  const to = canonical(groups.join(":"));
  return readTransport(frame.subarray(ETHERNET + 40, end), to, frame[ETHERNET + 6] ?? 0, [TCP, UDP, ICMPV6]);
}

function readTransport(data: Buffer, to: string, protocol: number, known: readonly number[]): Packet | undefined {
  if (!known.includes(protocol) || data.length < (protocol === TCP ? 20 : 8)) return undefined;
  const ports = protocol === TCP || protocol === UDP;
  return {
    to,
    protocol,
    fromPort: ports ? data.readUInt16BE(0) : 0,
    toPort: ports ? data.readUInt16BE(2) : 0,
    kind: protocol === TCP ? (data[13] ?? 0) : ports ? 0 : (data[0] ?? 0),
  };
}
