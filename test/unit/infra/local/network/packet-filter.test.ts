import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { Destinations } from "../../../../../infra/local/network/destinations.ts";
import { judgeOf } from "../../../../../infra/local/network/packet-filter.ts";

/** A computer that is 198.51.100.1 in a network with public addresses. */
const destinations = new Destinations(() => ["198.51.100.1/24", "2001:db8:1::1/64"]);
const judge = judgeOf({
  denies: (address) => destinations.denies(address),
  services: [
    { address: "10.0.2.2", port: 8080 },
    { address: "192.168.1.9", port: 443 },
    { address: "fd00::9", port: 443 },
  ],
});

/** A request for IPv4 over Ethernet. */
const ARP = Buffer.concat([Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]), Buffer.alloc(20)]);

const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, gre: 47 } as const;
const SYN = 0x02;
const ACK = 0x10;

interface Sent {
  readonly to: string;
  readonly protocol?: keyof typeof PROTOCOLS;
  readonly from?: number;
  readonly port?: number;
  /** TCP flags, or ICMP's type. */
  readonly kind?: number;
}

function transport({ protocol = "tcp", from = 40_000, port = 80, kind = SYN }: Sent): Buffer {
  const data = Buffer.alloc(20);
  if (protocol === "tcp" || protocol === "udp") {
    data.writeUInt16BE(from, 0);
    data.writeUInt16BE(port, 2);
    data[12] = 0x50;
    data[13] = kind;
  } else data[0] = kind;
  return data;
}

function frame(type: number, ...parts: Buffer[]): Buffer {
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(type, 12);
  return Buffer.concat([ethernet, ...parts]);
}

function groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const read = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((part) => Number.parseInt(part, 16));
  const [first, last] = [read(head), read(tail ?? "")];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

/** The frame in which the machine would send this; with a change of the packet's header. */
function sent(what: Sent, change: (header: Buffer) => void = () => {}): Buffer {
  const data = transport(what);
  const protocol = PROTOCOLS[what.protocol ?? "tcp"];
  if (isIP(what.to) === 6) {
    const header = Buffer.alloc(40);
    header[0] = 0x60;
    header.writeUInt16BE(data.length, 4);
    header[6] = protocol;
    for (const [i, group] of groups(what.to).entries()) header.writeUInt16BE(group, 24 + 2 * i);
    change(header);
    return frame(0x86dd, header, data);
  }
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + data.length, 2);
  header.writeUInt16BE(0x4000, 6);
  header[9] = protocol;
  Buffer.from(what.to.split(".").map(Number)).copy(header, 16);
  change(header);
  return frame(0x0800, header, data);
}

const passes = (what: Sent): boolean => judge(sent(what));

describe("the packet filter of a local machine", () => {
  it("lets pass what goes to public addresses", () => {
    for (const to of ["203.0.113.80", "8.8.8.8", "2001:db8:2::80", "2606:4700::1111"]) {
      assert.ok(passes({ to }), to);
      assert.ok(passes({ to, protocol: "udp", port: 443 }), to);
    }
    assert.ok(passes({ to: "8.8.8.8", protocol: "icmp", kind: 8 }));
  });

  it("stops what goes to this computer, its networks, and the ranges that sessions may not reach", () => {
    for (const to of [
      ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"],
      ...["224.0.0.251", "239.255.255.250", "255.255.255.255", "198.51.100.1", "198.51.100.254"],
      ...["::1", "fe80::2", "fec0::2", "fd00::1", "ff02::fb", "2001:db8:1::1", "2001:db8:1:0:ffff::1"],
      // IPv4 in IPv6: mapped, NAT64, 6to4.
      ...["::ffff:7f00:1", "::ffff:a00:202", "64:ff9b::c0a8:101", "2002:7f00:1::", "::ffff:c633:6401"],
    ]) {
      for (const protocol of ["tcp", "udp"] as const) assert.ok(!passes({ to, protocol }), `${to} ${protocol}`);
    }
  });

  it("lets the machine's own network serve DHCP, DNS and the operator's ssh, and nothing else", () => {
    const udp = "udp" as const;
    assert.ok(passes({ to: "255.255.255.255", protocol: udp, from: 68, port: 67 }));
    assert.ok(passes({ to: "10.0.2.2", protocol: udp, from: 68, port: 67 }));
    assert.ok(!passes({ to: "10.0.2.2", protocol: udp, from: 40_000, port: 67 }));
    assert.ok(!passes({ to: "10.0.2.2", protocol: udp, port: 69 }), "TFTP");
    for (const to of ["10.0.2.3", "fec0::3"]) {
      for (const protocol of ["tcp", "udp"] as const) {
        assert.ok(passes({ to, protocol, port: 53 }));
        assert.ok(!passes({ to, protocol, port: 22 }));
      }
    }
    assert.ok(passes({ to: "10.0.2.2", from: 22, port: 50_000, kind: ACK }));
    assert.ok(passes({ to: "10.0.2.2", from: 22, port: 50_000, kind: SYN | ACK }));
    assert.ok(!passes({ to: "10.0.2.2", from: 22, port: 50_000, kind: SYN }), "a connection's first segment");
    assert.ok(!passes({ to: "10.0.2.2", from: 23, port: 50_000, kind: ACK }));
    for (const to of ["10.0.2.4", "10.0.2.255", "fec0::9"]) assert.ok(!passes({ to, port: 53 }), to);
    assert.ok(passes({ to: "ff02::1:2", protocol: udp, from: 546, port: 547 }));
    assert.ok(judge(frame(0x0806, ARP)), "ARP");
    for (const kind of [133, 135, 136]) assert.ok(passes({ to: "ff02::2", protocol: "icmpv6", kind }));
    for (const kind of [134, 137, 128]) assert.ok(!passes({ to: "ff02::2", protocol: "icmpv6", kind }));
  });

  it("lets pass what is configured, by TCP on its port alone", () => {
    for (const [to, port] of [
      ["10.0.2.2", 8080],
      ["192.168.1.9", 443],
      ["fd00::9", 443],
    ] as const) {
      assert.ok(passes({ to, port }), to);
      assert.ok(!passes({ to, port: port + 1 }), to);
      assert.ok(!passes({ to, port, protocol: "udp" }), to);
    }
  });

  it("stops what it does not know", () => {
    const to = "203.0.113.80";
    assert.ok(passes({ to }), "the control");
    for (const [what, made] of [
      ["fragments", sent({ to }, (header) => header.writeUInt16BE(0x2000, 6))],
      ["later fragments", sent({ to }, (header) => header.writeUInt16BE(0x0001, 6))],
      ["options", sent({ to }, (header) => header.writeUInt8(0x46, 0))],
      ["a wrong version", sent({ to }, (header) => header.writeUInt8(0x65, 0))],
      ["more than the frame has", sent({ to }, (header) => header.writeUInt16BE(41, 2))],
      ["less than a header", sent({ to }, (header) => header.writeUInt16BE(19, 2))],
      ["half a TCP header", sent({ to }, (header) => header.writeUInt16BE(30, 2))],
      ["other protocols", sent({ to, protocol: "gre" })],
      ["ICMP but for echo", sent({ to, protocol: "icmp", kind: 5 })],
      ["half an ARP request", frame(0x0806, ARP.subarray(0, 27))],
      ["no ARP request at all", frame(0x0806)],
      ["ARP for other networks", frame(0x0806, Buffer.concat([Buffer.from([0, 6]), ARP.subarray(2)]))],
      ["RARP", frame(0x0806, Buffer.concat([ARP.subarray(0, 6), Buffer.from([0, 3]), ARP.subarray(8)]))],
      ["VLANs", frame(0x8100, Buffer.from([0, 1, 8, 0]), sent({ to }).subarray(14))],
      ["extension headers", sent({ to: "2001:db8:2::80" }, (header) => header.writeUInt8(0, 6))],
      ["an IPv6 packet without its end", sent({ to: "2001:db8:2::80" }, (header) => header.writeUInt16BE(21, 4))],
    ] as const)
      assert.ok(!judge(made), what);
  });

  it("never throws, and passes no IPv4 packet to a denied address, whatever the machine sends", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        judge(Buffer.from(bytes));
        judge(frame(0x86dd, Buffer.from(bytes)));
        const header = Buffer.concat([Buffer.from(bytes), Buffer.alloc(20)]).subarray(0, 60);
        // To 192.168.1.1, whatever else it says.
        Buffer.from([192, 168, 1, 1]).copy(header, 16);
        assert.ok(!judge(frame(0x0800, header)));
      }),
      { numRuns: 2_000 },
    );
  });
});
