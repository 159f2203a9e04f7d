import assert from "node:assert/strict";
import fc from "fast-check";
import { pinnedRelease, regionOf, withAmi } from "../../../../infra/aws/machines/pin-ami.ts";
import { releaseOf, UBUNTU_ON_AWS } from "../../../../infra/aws/machines/ubuntu.ts";
import { cidrProblem, hasRange, overlap, planSubnets } from "../../../../infra/aws/network/subnets.ts";
import { credentialsProblem } from "../../../../infra/aws/plan/credentials.ts";
import { instanceSize, instanceTypeFacts } from "../../../../infra/aws/plan/graviton.ts";
import { groupsFor, share, startSeconds } from "../../../../infra/aws/plan/groups.ts";
import { zoneFor } from "../../../../infra/aws/plan/zones.ts";

describe("the release of an image on AWS", () => {
  const JAMMY = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260101";
  const NOBLE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260101";
  it("is told by its name", () => {
    assert.equal(releaseOf(JAMMY), "ubuntu-22.04");
    assert.equal(releaseOf(NOBLE), "ubuntu-24.04");
    assert.equal(releaseOf("ubuntu/images/hvm-ssd/ubuntu-focal-20.04-arm64-server-20260101"), undefined);
    assert.equal(releaseOf("amzn2-ami"), undefined);
  });
  it("has Canonical's parameter for arm64", () => {
    for (const [release, { parameter }] of Object.entries(UBUNTU_ON_AWS)) {
      const version = release.replace("ubuntu-", "");
      assert.ok(
        parameter.startsWith(`/aws/service/canonical/ubuntu/server/${version}/stable/current/arm64/`),
        parameter,
      );
    }
  });
  it("stays when the image is pinned again", () => {
    const pinned = (name: string) =>
      withAmi("config: {}\n", { id: "ami-1", region: "r", architecture: "arm64", owner: "1", name });
    assert.equal(pinnedRelease(pinned(NOBLE)), "ubuntu-24.04");
    assert.equal(pinnedRelease(pinned(JAMMY)), "ubuntu-22.04");
    assert.equal(pinnedRelease("config: {}\n"), "ubuntu-22.04");
  });
});

describe("subnets", () => {
  const zones = Array.from("abcdefg", (letter) => `eu-central-1${letter}`);
  it("never overlap and lie in the range", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 22 }), (second, prefix) => {
        const cidr = `10.${second}.0.0/${prefix}`;
        const all = planSubnets(cidr, zones).flatMap(({ privateCidr, publicCidr }) => [privateCidr, publicCidr]);
        all.forEach((x, i) => {
          assert.ok(overlap(x, cidr));
          all.slice(i + 1).forEach((y) => void assert.ok(!overlap(x, y), `${x} ${y}`));
        });
      }),
    );
    assert.deepEqual(planSubnets("10.20.0.0/16", ["eu-central-1b"]), [
      { zone: "eu-central-1b", privateCidr: "10.20.32.0/19", publicCidr: "10.20.228.0/22" },
    ]);
  });

  it("belong to a zone, whatever others there are and in which order", () => {
    const some = fc.uniqueArray(fc.constantFrom(...zones), { minLength: 1, maxLength: 3 });
    const all = planSubnets("10.20.0.0/20", zones);
    fc.assert(
      fc.property(some, (chosen) => {
        for (const one of planSubnets("10.20.0.0/20", chosen))
          assert.deepEqual(
            one,
            all.find(({ zone }) => zone === one.zone),
          );
      }),
    );
    assert.deepEqual(
      [...zones, "eu-central-1h", ""].filter((zone) => !hasRange(zone)),
      ["eu-central-1h", ""],
    );
  });

  it("are refused where AWS would refuse them", () => {
    for (const cidr of ["10.0.0.1/16", "10.0.0.0/8", "8.8.0.0/16", "10.0.0.0/24", "rubbish"])
      assert.ok(cidrProblem(cidr), cidr);
    assert.equal(cidrProblem("172.16.0.0/20"), undefined);
  });
});

describe("instance types", () => {
  it("are told by generation and what they lack", () => {
    assert.deepEqual(instanceTypeFacts("c8g.xlarge"), { generation: 4, lacks: [] });
    assert.deepEqual(instanceTypeFacts("m9gd.large"), { generation: 5, lacks: [] });
    assert.deepEqual(instanceTypeFacts("c7gn.xlarge"), { generation: 3, lacks: ["bti"] });
    assert.equal(instanceTypeFacts("r8g.metal-24xl").generation, 4);
    assert.equal(instanceTypeFacts("t4g.small").generation, 2);
    assert.deepEqual(instanceTypeFacts("g5g.xlarge"), { generation: 2, lacks: instanceTypeFacts("t4g.small").lacks });
    for (const type of ["m5.large", "c7i.xlarge", "g5g", "c8g"])
      assert.equal(instanceTypeFacts(type).generation, undefined, type);
  });
});

describe("sizes of instances", () => {
  it("are told by the type's name", () => {
    for (const [type, cpus, gib] of [
      ["c8g.medium", 1, 2],
      ["c8g.xlarge", 4, 8],
      ["m8gd.2xlarge", 8, 32],
      ["r8g.metal-24xl", 96, 768],
      ["x8g.large", 2, 32],
    ] as const)
      assert.deepEqual(instanceSize(type), { cpus, memoryMiB: gib * 1024 }, type);
    assert.deepEqual(instanceSize("i8g.2xlarge"), { cpus: 8 });
    for (const type of ["c8g.huge", "c8g"]) assert.equal(instanceSize(type), undefined, type);
  });
});

describe("scale", () => {
  it("divides machines over groups of at most 500 without losing one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (max) => {
        const parts = share(max, groupsFor(max));
        assert.equal(
          parts.reduce((a, b) => a + b, 0),
          max,
        );
        assert.ok(Math.max(...parts) <= 500);
      }),
    );
    assert.equal(startSeconds(3000), 1000);
  });

  it("gives each machine a zone by its name, which one more zone leaves or which is that zone", () => {
    const zones = ["eu-central-1a", "eu-central-1b"];
    const names = Array.from({ length: 300 }, (_, i) => `machine-${i}`);
    const placed = names.map((name) => zoneFor(name, zones));
    for (const zone of zones) assert.ok(placed.filter((one) => one === zone).length > 100, `machines in ${zone}`);
    const more = names.map((name) => zoneFor(name, [...zones, "eu-central-1c"]));
    for (const [i, zone] of more.entries()) assert.ok(zone === placed[i] || zone === "eu-central-1c");
  });
});

describe("pinning an image", () => {
  it("writes the id and leaves the rest of the file", () => {
    const text = "# why\nconfig:\n  cloister:region: eu-central-1 # here\n";
    const ami = { id: "ami-1", region: "eu-central-1", architecture: "arm64", owner: "1", name: "n" };
    const written = withAmi(text, ami);
    assert.ok(
      written.startsWith("# why\nconfig:\n  cloister:region: eu-central-1 # here\n  cloister:ami:\n    id: ami-1\n"),
    );
    assert.equal(regionOf(written), "eu-central-1");
    assert.throws(() => regionOf("config: {}"), /cloister:region is not set/);
  });
});

describe("credentials", () => {
  it("are missed when there are none", () => {
    assert.match(credentialsProblem({}, false)?.message ?? "", /none were found/);
    assert.equal(credentialsProblem({ AWS_PROFILE: "x" }, false), undefined);
    assert.equal(credentialsProblem({}, true), undefined);
  });
});
