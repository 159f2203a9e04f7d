import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { awsProblems } from "../../../../infra/aws/plan/problems/index.ts";
import { type Problem, parseSettings } from "../../../../infra/settings/settings.ts";
import { AMI, settingsOf } from "./settings.ts";

/** All that a round says of the stack dev with changes, as `infra/index.ts` puts it together. */
function problems(changes: Readonly<Record<string, unknown>>, stack = "dev"): readonly Problem[] {
  const text = readFileSync(new URL("../../../../Pulumi.dev.yaml", import.meta.url), "utf8");
  const { config } = parse(text) as { config: Record<string, unknown> };
  const given = { ...config, "cloister:ami": AMI, ...namespaced(changes) };
  const parsed = parseSettings(
    Object.fromEntries(Object.entries(given).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)])),
  );
  if ("settings" in parsed) return awsProblems(parsed.settings, stack);
  return [...parsed.problems, ...awsProblems(parsed.rest, stack, parsed.wrong)];
}

const namespaced = (changes: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`cloister:${key}`, value]));
const paths = (found: readonly Problem[]): string[] => found.map(({ path }) => path.replace("cloister:", ""));

/** Each row: a mistake, the changes that make it, the key that the message names, and its remedy. */
type Case = readonly [what: string, changes: Readonly<Record<string, unknown>>, path: string, message: RegExp];

const existing = {
  vpcId: "vpc-0123456789abcdef0",
  cidr: "10.0.0.0/16",
  subnetIds: { "eu-central-1a": "subnet-0aaaaaaaaaaaaaaaa", "eu-central-1b": "subnet-0bbbbbbbbbbbbbbbb" },
};
/** A pool with one schedule. */
const at = (schedule: object) => ({
  pools: { p: { max: 3, schedules: { day: { cron: "0 7 * * 1-5", min: 0, max: 1, desired: 1, ...schedule } } } },
});
const SECRET = "secretsmanager:eu-central-1:123456789012:secret:key";

const CASES: readonly Case[] = [
  ["no region", { region: "" }, "region", /is missing.*pulumi config set cloister:region/],
  ["a region that is none", { region: "Frankfurt" }, "region", /must be a region's name/],
  ["no image", { ami: null }, "ami", /is missing.*npm run aws:ami/],
  ["an image of another region", { ami: { ...AMI, region: "us-east-1" } }, "ami.region", /is not the stack's region/],
  [
    "an image of another architecture",
    { ami: { ...AMI, architecture: "x86_64" } },
    "ami.architecture",
    /must be arm64/,
  ],
  ["an image of another owner", { ami: { ...AMI, owner: "123456789012" } }, "ami.owner", /must be 099720109477/],
  ["another system", { ami: { ...AMI, name: "ubuntu-focal-20.04" } }, "ami.name", /Ubuntu 22\.04 or 24\.04/],
  ["another architecture", { architecture: "amd64" }, "architecture", /machines are Graviton/],
  ["a type that is not Graviton", { instanceType: "m5.large" }, "instanceType", /is no Graviton instance type/],
  ["a type that lacks features", { instanceType: "c7g.xlarge" }, "instanceType", /is Graviton3, which lacks bti/],
  [
    "a machine's type that lacks features",
    { machines: { one: { instanceType: "t4g.large" } } },
    "machines.one.instanceType",
    /is Graviton2, which lacks sha3, sha512, paca, pacg, bti/,
  ],
  ["a pool's type", { pools: { p: { instanceType: "m5.large" } } }, "pools.p.instanceType", /is no Graviton/],
  ["a Spot type", { pools: { p: { spot: { instanceTypes: ["c6g.large"] } } } }, "pools.p.spot.instanceTypes", /lacks/],
  ["a zone of another region", { zones: ["eu-central-1a", "us-east-1a"] }, "zones", /is no zone of eu-central-1/],
  [
    "a zone whose letter has no range",
    { zones: ["eu-central-1a", "eu-central-1h"] },
    "zones",
    /has no range in the VPC, which is divided among the letters a to g/,
  ],
  [
    "a region of China",
    { region: "cn-north-1", ami: { ...AMI, region: "cn-north-1" } },
    "region",
    /services have other names.*another region/,
  ],
  ["a size that no type has", { instanceType: "c8g.huge" }, "instanceType", /is no Graviton instance type/],
  ["a family that is none", { instanceType: "c8gfoo.xlarge" }, "instanceType", /is no Graviton instance type/],
  [
    "a Spot type that is the pool's own",
    { pools: { p: { instanceType: "m8g.large", spot: { instanceTypes: ["r8g.large", "m8g.large"] } } } },
    "pools.p.spot.instanceTypes",
    /is named twice/,
  ],
  ["a cron expression that is none", at({ cron: "a b c d e" }), "pools.p.schedules.day.cron", /write one such as/],
  ["an hour that is none", at({ cron: "0 25 * * *" }), "pools.p.schedules.day.cron", /expected range 0-23/],
  ["a day that never comes", at({ cron: "0 0 31 2 *" }), "pools.p.schedules.day.cron", /Invalid explicit day/],
  ["an extension of cron's", at({ cron: "0 0 L * *" }), "pools.p.schedules.day.cron", /is no cron expression/],
  ["a zone in other letters", at({ timeZone: "europe/berlin" }), "pools.p.schedules.day.timeZone", /as Europe.Berlin/],
  ["a zone's other name, so", at({ timeZone: "Asia/kolkata" }), "pools.p.schedules.day.timeZone", /database's letters/],
  ["and in capitals", at({ timeZone: "US/EASTERN" }), "pools.p.schedules.day.timeZone", /database's letters/],
  [
    "two schedules at one time",
    {
      pools: {
        p: {
          max: 3,
          schedules: Object.fromEntries(
            ["a", "b"].map((name) => [name, { cron: "0 7 * * *", min: 0, max: 1, desired: 1 }]),
          ),
        },
      },
    },
    "pools.p.schedules.b.cron",
    /is that of a too/,
  ],
  ["a range that is none", { network: { peerCidrs: ["999.1.1.1/99"] } }, "network.peerCidrs", /must be an IPv4 range/],
  [
    "an address as a domain",
    { network: { dnsFirewall: ["https://x.example/", "ports.ubuntu.com"] } },
    "network.dnsFirewall",
    /is no domain/,
  ],
  [
    "a firewall for nothing",
    { network: { dnsFirewall: ["*", "ports.ubuntu.com"] } },
    "network.dnsFirewall",
    /lets every name resolve/,
  ],
  [
    "a VPC that is none",
    { network: { nat: "single", existing: { ...existing, vpcId: "main" } } },
    "network.existing.vpcId",
    /must be a VPC's id/,
  ],
  [
    "a subnet that is none",
    { network: { existing: { ...existing, subnetIds: { ...existing.subnetIds, "eu-central-1b": "b" } } } },
    "network.existing.subnetIds.eu-central-1b",
    /must be a subnet's id/,
  ],
  [
    "one subnet for two zones",
    {
      network: {
        existing: {
          ...existing,
          subnetIds: { "eu-central-1a": "subnet-0aaaaaaaaaaaaaaaa", "eu-central-1b": "subnet-0aaaaaaaaaaaaaaaa" },
        },
      },
    },
    "network.existing.subnetIds.eu-central-1b",
    /is the subnet of eu-central-1a too/,
  ],
  [
    "a VPC's range that is none",
    { network: { existing: { ...existing, cidr: "10.0.0.0" } } },
    "network.existing.cidr",
    /must be the VPC's IPv4 range/,
  ],
  ["a tag that roles cannot have", { tags: { team: "a;b" } }, "tags.team", /as IAM has it/],
  ["two tags that IAM takes for one", { tags: { Team: "a", team: "b" } }, "tags", /is Team too/],
  [
    "more tags than a resource has",
    { tags: Object.fromEntries(Array.from({ length: 47 }, (_, i) => [`t${i}`, "v"])) },
    "tags",
    /are too many: a resource has 50/,
  ],
  [
    "a boundary of another account",
    { accountId: "123456789012", permissionsBoundary: "arn:aws:iam::999999999999:policy/b" },
    "permissionsBoundary",
    /is a policy of the account 999999999999/,
  ],
  [
    "a boundary of another partition",
    { permissionsBoundary: "arn:aws-cn:iam::123456789012:policy/b" },
    "permissionsBoundary",
    /is in AWS's partition aws-cn, and eu-central-1 in aws/,
  ],
  [
    "a secret of another region",
    { modelKeySecret: `arn:aws:${SECRET.replace("eu-central-1", "us-east-1")}` },
    "modelKeySecret",
    /is in us-east-1, and machines ask in eu-central-1/,
  ],
  ["a mirror's port that is none", { aptMirror: "https://mirror.example:99999/" }, "aptMirror", /must be an https/],
  ["one zone", { zones: ["eu-central-1a"] }, "zones", /must be two or three/],
  ["a zone twice", { zones: ["eu-central-1a", "eu-central-1a"] }, "zones", /names a zone twice/],
  [
    "the successor of a machine that is still there",
    { machines: { one: {}, two: { was: "one" } } },
    "machines.two.was",
    /is a machine of this stack/,
  ],
  [
    "two successors of one machine",
    { machines: { a: { was: "one" }, b: { was: "one" } } },
    "machines.b.was",
    /is said of a as well/,
  ],
  [
    "a machine's zone",
    { machines: { one: { zone: "eu-central-1c" } } },
    "machines.one.zone",
    /is none of cloister:zones/,
  ],
  ["a root disk below the image's", { rootDiskGiB: 7 }, "rootDiskGiB", /must be at least 8/],
  ["a session disk of nothing", { sessionDiskGiB: 0 }, "sessionDiskGiB", /must be at least 1/],
  [
    "a range that overlaps another",
    { network: { cidr: "10.0.0.0/16", peerCidrs: ["10.0.128.0/20"] } },
    "network.cidr",
    /overlaps 10\.0\.128\.0\/20/,
  ],
  ["a range that a VPC cannot have", { network: { cidr: "10.0.0.0/8" } }, "network.cidr", /must be from \/16 to \/22/],
  [
    "a range without addresses for the pools",
    { network: { cidr: "10.0.0.0/22" }, pools: { p: { max: 300 } } },
    "network.cidr",
    /has addresses for 234 machines in its zones, and the stack may have 301/,
  ],
  ["a peer that is no range", { network: { peerCidrs: ["home"] } }, "network.peerCidrs", /must be an IPv4 range/],
  [
    "an own VPC without a subnet for a zone",
    {
      network: {
        existing: {
          vpcId: "vpc-0123456789abcdef0",
          cidr: "10.0.0.0/16",
          subnetIds: { "eu-central-1a": "subnet-0aaaaaaaaaaaaaaaa" },
        },
      },
    },
    "network.existing.subnetIds",
    /has no subnet for eu-central-1b/,
  ],
  ...(
    [
      ["nat", { nat: "none" }, /has no effect with network\.existing/],
      ["ssmEndpoints", { ssmEndpoints: true }, /has no effect with network\.existing/],
      ["dnsFirewall", { dnsFirewall: ["ports.ubuntu.com"] }, /would hold for everything in network\.existing's VPC/],
    ] as const
  ).map(
    ([key, more, says]): Case => [
      `${key} beside an own VPC`,
      { network: { ...more, existing } },
      `network.${key}`,
      says,
    ],
  ),
  [
    "no way to SSM",
    { network: { nat: "none" }, aptMirror: "https://mirror.example.com/u" },
    "network.nat",
    /leaves machines without a way to SSM/,
  ],
  ["a name that is refused", { machines: { One: {} }, pools: { p: {} } }, "machines.One", /must be a name of 1 to 32/],
  [
    "a name of a machine and a pool",
    { machines: { a: {} }, pools: { a: {} } },
    "pools.a",
    /is the name of a machine too/,
  ],
  ["nothing to make", { machines: {}, pools: {} }, "machines", /names no machine/],
  ["min above max", { pools: { p: { min: 3, max: 2 } } }, "pools.p.min", /is above max \(2\)/],
  [
    "desired above max",
    { pools: { p: { desired: 3, max: 2 } } },
    "pools.p.desired",
    /must be from min \(0\) to max \(2\)/,
  ],
  [
    "a schedule beyond itself",
    { pools: { p: { schedules: { day: { cron: "0 7 * * *", min: 1, max: 2, desired: 3 } } } } },
    "pools.p.schedules.day",
    /must have min <= desired <= max/,
  ],
  [
    "a time zone that is none",
    { pools: { p: { schedules: { day: { cron: "0 7 * * *", timeZone: "Berlin", min: 1, max: 2, desired: 1 } } } } },
    "pools.p.schedules.day.timeZone",
    /must be a time zone's name, such as Europe\/Berlin/,
  ],
  [
    "an offset for a time zone",
    { pools: { p: { schedules: { day: { cron: "0 7 * * *", timeZone: "+02:00", min: 1, max: 2, desired: 1 } } } } },
    "pools.p.schedules.day.timeZone",
    /must be a time zone's name/,
  ],
  [
    "a pool that has the name of another's second group",
    { pools: { p: { max: 501 }, "p-2": {} } },
    "pools.p-2",
    /is the name of a group of p,/,
  ],
  ["an account that is none", { accountId: "1234" }, "accountId", /must be an account's 12 digits/],
  [
    "a warm pool of Spot machines",
    { pools: { p: { spot: {}, warmPool: {} } } },
    "pools.p.warmPool",
    /does not go with Spot/,
  ],
  ["a budget without an address", { budget: { monthlyUSD: 5 } }, "budget.email", /must be an address/],
  [
    "a budget without an amount",
    { budget: { email: "a@example.com" } },
    "budget.monthlyUSD",
    /must be a number of dollars/,
  ],
  [
    "a budget of less than a cent",
    { budget: { monthlyUSD: 0.001, email: "a@example.com" } },
    "budget.monthlyUSD",
    /from 0\.01 to/,
  ],
  ["a tag that is taken", { tags: { "cloister:x": "1" } }, "tags", /must not begin with aws: or cloister:/],
  [
    "a tag that metadata does not take",
    { tags: { "cost centre": "1" } },
    "tags",
    /must be letters, digits and \+ - = \. _ : @ only/,
  ],
];

describe("bad input of the AWS target", () => {
  it("is nothing of the stack itself", () => assert.deepEqual(problems({}), []));

  it("is no zone's second name, no zone with an offset's name, and no budget of half a dollar", () => {
    const names = ["Asia/Kolkata", "Asia/Calcutta", "US/Eastern", "Etc/GMT+0", "Etc/GMT-1", "America/Port-au-Prince"];
    for (const timeZone of [...names, "Africa/Dar_es_Salaam", "America/Argentina/ComodRivadavia", "NZ-CHAT"])
      assert.deepEqual(problems(at({ timeZone })), [], timeZone);
    assert.deepEqual(problems({ budget: { monthlyUSD: 0.5, email: "a@example.com" } }), []);
  });

  for (const [what, changes, path, message] of CASES) {
    it(`is ${what}`, () => {
      const found = problems(changes);
      assert.deepEqual(paths(found), [path]);
      assert.match(found[0]?.message ?? "", message);
    });
  }

  it("is a stack's name that makes no names on AWS", () => {
    assert.deepEqual(paths(problems({}, "a-stack-with-a-long-name")), ["the stack's name"]);
    assert.deepEqual(paths(problems({}, "Dev")), ["the stack's name"]);
  });

  it("is a mirror of packages that machines cannot reach", () => {
    const mirror = "https://packages.s3.eu-central-1.amazonaws.com/ubuntu-ports";
    const closed = { nat: "none", ssmEndpoints: true };
    // The runtime image brings what every machine has; what a stack asks for beside it needs a mirror.
    assert.deepEqual(problems({ network: closed }), []);
    assert.deepEqual(paths(problems({ network: closed, packages: ["cmake"] })), ["aptMirror"]);
    assert.deepEqual(problems({ network: closed, aptMirror: mirror }), []);
    // S3's endpoint lets through what it knows by name.
    const named = (host: string) => paths(problems({ network: closed, aptMirror: `https://${host}/ubuntu` }));
    assert.deepEqual(named("m.s3.eu-central-1.amazonaws.com"), []);
    assert.deepEqual(named("m-1.s3-accesspoint.eu-central-1.amazonaws.com"), ["aptMirror"]);
    assert.deepEqual(named("x.execute-api.eu-central-1.amazonaws.com"), ["aptMirror"]);
    const firewall = (...dnsFirewall: string[]) => ({ network: { dnsFirewall } });
    assert.deepEqual(paths(problems(firewall("api.anthropic.com"))), ["network.dnsFirewall"]);
    assert.deepEqual(problems(firewall("api.anthropic.com", "ports.ubuntu.com")), []);
    assert.deepEqual(problems(firewall("*.ubuntu.com")), []);
    assert.deepEqual(problems({ ...firewall("api.anthropic.com"), aptMirror: mirror }), []);
    assert.match(
      problems({ aptMirror: "http://ports.ubuntu.com/ubuntu-ports" })[0]?.message ?? "",
      /must be an https address/,
    );
  });

  it("is reported all at once, whether the schema or a rule refuses it", () => {
    const { machines, pools } = settingsOf("dev");
    assert.ok(Object.keys(machines).length > 0 && Object.keys(pools).length > 0);
    const found = problems(
      {
        region: "",
        ami: { ...AMI, architecture: "x86_64", owner: "1" },
        instanceType: "c7g.xlarge",
        rootDiskGiB: 4,
        machines: { one: { instanceType: "m5.large" }, Two: {} },
        pools: { p: { min: 3, max: 2 } },
        network: { cidr: "10.0.0.0/16", peerCidrs: ["10.0.128.0/20"] },
        budget: { monthlyUSD: 5 },
        colour: "red",
      },
      "Bad_Name",
    );
    assert.deepEqual(paths(found).sort(), [
      ...["ami.architecture", "ami.owner", "budget.email", "colour", "instanceType", "machines.Two"],
      ...["machines.one.instanceType", "network.cidr", "pools.p.min", "region", "rootDiskGiB", "the stack's name"],
    ]);
  });

  it("says nothing of what follows from a value that was refused itself", () => {
    assert.deepEqual(paths(problems({ region: "Frankfurt", machines: { one: { zone: "eu-central-1a" } } })), [
      "region",
    ]);
    assert.deepEqual(paths(problems({ machines: { One: {} }, pools: {} })), ["machines.One"]);
    assert.deepEqual(paths(problems({ aptMirror: "rubbish", network: { nat: "none", ssmEndpoints: true } })), [
      "aptMirror",
    ]);
  });
});
