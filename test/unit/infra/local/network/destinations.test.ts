import assert from "node:assert/strict";
import { DENIED_RANGES } from "../../../../../guest/egress/addresses.ts";
import {
  Destinations,
  localIPv4,
  localIPv6,
  rangesOf,
  rangesOfHost,
} from "../../../../../infra/local/network/destinations.ts";

describe("what a local machine may not reach", () => {
  it("is all that sessions may not reach", () => {
    const destinations = new Destinations(() => []);
    for (const { range } of DENIED_RANGES) {
      const [address = ""] = range.split("/");
      assert.ok(destinations.denies(address), range);
    }
    for (const address of ["203.0.113.1", "198.51.100.1", "2001:db8::1", "64:ff9b::808:808"])
      assert.ok(!destinations.denies(address), address);
  });

  it("is what this computer is now, a second later at most", () => {
    let [ranges, now] = [["198.51.100.7/24"], 0];
    const destinations = new Destinations(
      () => ranges,
      () => now,
    );
    assert.deepEqual([destinations.denies("198.51.100.1"), destinations.denies("203.0.113.9")], [true, false]);
    ranges = ["203.0.113.7/24"];
    now = 1_000;
    assert.deepEqual([destinations.denies("198.51.100.1"), destinations.denies("203.0.113.9")], [false, true]);
  });

  it("answers right however many addresses are asked for", () => {
    const destinations = new Destinations(() => []);
    for (let i = 0; i < 10_000; i += 1) destinations.denies(`203.0.${i >> 8}.${i & 255}`);
    assert.ok(destinations.denies("192.168.0.1"));
    assert.ok(!destinations.denies("203.0.113.1"));
  });

  it("is this computer's addresses with their networks, but not everything that a tunnel leads to", () => {
    assert.deepEqual(
      rangesOf({
        en0: [
          { address: "198.51.100.7", cidr: "198.51.100.7/24" },
          { address: "fe80::1%en0", cidr: "fe80::1/64" },
        ],
        tun0: [
          { address: "203.0.113.7", cidr: "203.0.113.7/1" },
          { address: "2001:db8::7", cidr: null },
        ],
      }),
      ["198.51.100.7/24", "198.51.100.7/32", "2001:db8::7/128", "203.0.113.7/32", "fe80::1/128", "fe80::1/64"],
    );
  });

  it("is what Linux takes for its own, too", () => {
    const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 198.51.100.0
        /24 link UNICAST
Local:
     |-- 198.51.100.7
        /32 host LOCAL
     |-- 203.0.113.0
        /32 link BROADCAST
        /24 host LOCAL
`;
    assert.deepEqual(localIPv4(trie), ["198.51.100.7/32", "203.0.113.0/24"]);
    const none = "0".repeat(32);
    const route = (to: string, prefix: string, flags: string): string =>
      `${to} ${prefix} ${none} 00 ${none} 00000000 00000001 00000000 ${flags}       lo`;
    const routes = [
      route("20010db8000000000000000000000007", "80", "80200001"),
      route("20010db8000000000000000000000000", "40", "00000001"),
    ].join("\n");
    assert.deepEqual(localIPv6(`${routes}\n`), ["2001:db8::7/128"]);
  });

  it("is read from this computer", () => {
    assert.ok(rangesOfHost().includes("127.0.0.1/32"));
  });
});
