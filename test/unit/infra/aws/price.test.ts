import assert from "node:assert/strict";
import { oddTime } from "../../../../infra/aws/plan/clock-changes.ts";
import { monthlyEstimate, total } from "../../../../infra/aws/plan/price.ts";
import { averageMachines, sizeInForce } from "../../../../infra/aws/plan/schedule.ts";
import { awsWarnings, imageAge } from "../../../../infra/aws/plan/warnings.ts";
import { AMI, settingsOf } from "./settings.ts";

const MONDAY = new Date("2026-03-02T00:00:00Z");
const changed = (changes: Record<string, unknown>, stack = "dev") =>
  settingsOf(stack, Object.fromEntries(Object.entries(changes).map(([key, value]) => [`cloister:${key}`, value])));
const lineOf = (settings: ReturnType<typeof settingsOf>, what: RegExp, size?: "least" | "schedule" | "most") =>
  monthlyEstimate(settings, size, MONDAY).find((line) => what.test(line.what));

/** A schedule of a pool. */
const at = (cron: string, desired: number, timeZone = "Europe/Berlin") => ({ cron, timeZone, min: 0, max: 9, desired });

describe("the estimate of a stack's cost", () => {
  const zones = ["us-east-1a", "us-east-1b"];
  const here = { region: "us-east-1", zones, ami: { ...AMI, region: "us-east-1" } };

  it("goes by vCPUs within a family, and by region", () => {
    const usd = (changes: Record<string, unknown>) => lineOf(changed({ ...here, ...changes }), /machine one: 1 x/)?.usd;
    assert.equal(usd({}), 116.45);
    assert.equal(usd({ instanceType: "c8g.8xlarge" }), 931.6);
    assert.equal(usd({ instanceType: "r8g.large" }), 86.02);
    assert.equal(lineOf(changed({}), /machine one: 1 x/)?.usd, 135.08, "eu-central-1 is dearer");
  });

  it("has no sum where a price is not known, of a type or of a region", () => {
    const type = changed({ ...here, instanceType: "c8gd.xlarge" });
    assert.match(lineOf(type, /c8gd/)?.what ?? "", /\(price not known\)$/);
    assert.equal(total(monthlyEstimate(type)), undefined);
    const region = { region: "mx-central-1", zones: ["mx-central-1a", "mx-central-1b"] };
    const elsewhere = changed({ ...region, ami: { ...AMI, region: "mx-central-1" } });
    assert.equal(total(monthlyEstimate(elsewhere)), undefined);
    assert.ok((total(monthlyEstimate(changed(here))) ?? 0) > 150);
  });

  it("counts a pool by its schedules, and at its bounds", () => {
    const prod = settingsOf("prod");
    const machines = (size: "least" | "schedule" | "most") => lineOf(prod, /pool workers: [\d.]+ x/, size)?.what;
    assert.equal(machines("least"), "pool workers: 3 x c8g.xlarge");
    // 12 machines for 13 hours of five days, else 3.
    assert.equal(machines("schedule"), "pool workers: 6.5 x c8g.xlarge");
    assert.equal(machines("most"), "pool workers: 60 x c8g.xlarge");
    assert.ok(lineOf(prod, /detailed monitoring/), "which is paid for");
  });

  it("averages over time zones, and without schedules takes what is asked for", () => {
    const night = { cron: "0 20 * * *", timeZone: "Europe/Berlin", min: 0, max: 9, desired: 0 };
    const day = { cron: "0 8 * * *", timeZone: "Europe/Berlin", min: 0, max: 9, desired: 8 };
    assert.equal(averageMachines({ min: 1, desired: undefined, schedules: { day, night } }, MONDAY), 4);
    assert.equal(averageMachines({ min: 1, desired: undefined, schedules: {} }, MONDAY), 1);
    assert.equal(averageMachines({ min: 1, desired: 5, schedules: {} }, MONDAY), 5);
    const wrong = { ...day, cron: "99 99 * * *" };
    assert.equal(averageMachines({ min: 2, desired: undefined, schedules: { wrong } }, MONDAY), 2);
  });

  it("knows the size that the schedules set last", () => {
    const schedules = { day: at("0 8 * * 1-5", 8), night: at("0 20 * * *", 1) };
    const size = (time: string) => sizeInForce(schedules, new Date(time))?.desired;
    assert.equal(size("2026-01-20T12:00:00Z"), 8, "a Tuesday at noon");
    assert.equal(size("2026-01-20T06:59:00Z"), 1, "a minute before eight in Berlin");
    assert.equal(size("2026-01-20T07:01:00Z"), 8);
    assert.equal(size("2026-01-24T12:00:00Z"), 1, "a Saturday has no day");
    assert.deepEqual(sizeInForce(schedules, new Date("2026-01-20T12:00:00Z")), { min: 0, max: 9, desired: 8 });
    assert.equal(sizeInForce({}, MONDAY), undefined);
    assert.equal(sizeInForce({ wrong: at("99 99 * * *", 1) }, MONDAY), undefined);
  });
});

describe("schedules on the days on which clocks change", () => {
  const schedules = { day: at("0 8 * * *", 8), night: at("0 20 * * *", 1) };

  it("follow the zone's clocks: the size in force changes at eight there, before and after", () => {
    const size = (time: string) => sizeInForce(schedules, new Date(time))?.desired;
    // Berlin is at UTC+1 until 29 March 2026, and again from 25 October 2026 on.
    for (const [before, after] of [
      ["2026-03-28T06:59:00Z", "2026-03-28T07:01:00Z"],
      ["2026-03-29T05:59:00Z", "2026-03-29T06:01:00Z"],
      ["2026-10-24T05:59:00Z", "2026-10-24T06:01:00Z"],
      ["2026-10-25T06:59:00Z", "2026-10-25T07:01:00Z"],
    ] as const)
      assert.deepEqual([size(before), size(after)], [1, 8], before);
  });

  it("cost what they cost in other weeks; between summer and winter where several zones meet", () => {
    const machines = (pool: Parameters<typeof averageMachines>[0]["schedules"], from: string) =>
      averageMachines({ min: 0, desired: undefined, schedules: pool }, new Date(from));
    const weeks = ["2026-03-26T00:00:00Z", "2026-10-22T00:00:00Z"];
    for (const week of weeks) assert.equal(machines(schedules, week), 4.5, "12 hours of 8, 12 of 1");
    // Noon in Tokyo is at three in UTC: the evening in Berlin comes 16 hours later in winter, 15 in summer.
    const both = { ...schedules, noon: at("0 12 * * *", 8, "Asia/Tokyo") };
    const [winter, summer] = [machines(both, "2026-02-02T00:00:00Z"), machines(both, "2026-07-06T00:00:00Z")];
    assert.deepEqual([winter, summer], [(16 * 8 + 8) / 24, (15 * 8 + 9) / 24]);
    for (const week of weeks) {
      const found = machines(both, week);
      assert.ok(found > summer && found < winter, `${week}: ${found}`);
    }
  });

  it("are told where they name a time that is not there, or there twice", () => {
    const now = new Date("2026-01-20T12:00:00Z");
    const odd = (cron: string, zone: string) => {
      const { date, what } = oddTime(cron, zone, now) ?? {};
      return date && `${what} ${date}`;
    };
    assert.equal(odd("30 2 * * *", "Europe/Berlin"), "skipped 2026-03-29");
    assert.equal(odd("0 2 * * *", "Europe/Berlin"), "skipped 2026-03-29");
    assert.equal(odd("59 1 * * *", "Europe/Berlin"), undefined);
    assert.equal(odd("0 3 * * *", "Europe/Berlin"), undefined);
    assert.equal(odd("0 2 * * 1-5", "Europe/Berlin"), undefined, "they change on a Sunday");
    assert.equal(odd("0 2 * 10 0", "Europe/Berlin"), "twice 2026-10-25");
    assert.equal(odd("30 1 * * *", "Europe/London"), "skipped 2026-03-29");
    assert.equal(odd("30 1 * * *", "America/New_York"), "twice 2026-11-01");
    assert.equal(odd("45 1 * * *", "Australia/Lord_Howe"), "twice 2026-04-05", "half an hour is enough");
    assert.equal(odd("0 * * * *", "Europe/Berlin"), undefined, "every hour is every hour");
    for (const zone of ["Etc/UTC", "Asia/Tokyo", "Nowhere/Atall"]) assert.equal(odd("30 2 * * *", zone), undefined);
    assert.equal(odd("no cron", "Europe/Berlin"), undefined);
    const schedule = { cron: "30 2 * * *", timeZone: "Europe/Berlin", min: 0, max: 1, desired: 0 };
    const [said = "", ...more] = awsWarnings(
      changed({ pools: { small: { min: 0, max: 2, schedules: { night: schedule } } } }),
      now,
    );
    assert.match(said, /cloister:pools\.small\.schedules\.night\.cron \(30 2 \* \* \*\): on 2026-03-29 .* skip/);
    assert.deepEqual(more, []);
    for (const stack of ["dev", "staging", "prod"])
      assert.deepEqual(
        awsWarnings(settingsOf(stack), now).filter((line) => line.includes("clocks")),
        [],
      );
  });
});

describe("warnings about a stack on AWS", () => {
  const now = new Date("2026-01-20T12:00:00Z");
  const warned = (changes: Record<string, unknown>, stack = "dev") => awsWarnings(changed(changes, stack), now);

  it("are none for dev with a new image", () => assert.deepEqual(warned({}), []));

  it("tell of an image older than 30 days", () => {
    const name = (date: string) => ({ ami: { ...AMI, name: AMI.name.replace(/\d{8}$/, date) } });
    assert.deepEqual(warned(name("20251222")), []);
    assert.match(warned(name("20251220"))[0] ?? "", /cloister:ami is 31 days old.*npm run aws:ami/);
    assert.equal(imageAge("ubuntu-jammy-22.04-arm64-server-20260101.1", now), 19);
    assert.equal(imageAge("my-own-image", now), undefined);
  });

  it("tell of a family that a region lacks, and of zones that not every account has", () => {
    const [absent = "", ...more] = warned({ region: "me-south-1" });
    assert.match(absent, /c8g\.xlarge is not offered in me-south-1.*cloister:instanceType/);
    assert.deepEqual(more, []);
    assert.deepEqual(warned({ region: "me-south-1", instanceType: "m8g.xlarge" }), []);
    assert.match(
      warned({ region: "ap-northeast-1" })[0] ?? "",
      /cloister:zones is not set.*describe-availability-zones/,
    );
    assert.deepEqual(warned({ region: "ap-northeast-1", zones: ["ap-northeast-1a", "ap-northeast-1c"] }), []);
  });

  it("tell of hosts that the agent needs and that do not resolve", () => {
    const dnsFirewall = ["ports.ubuntu.com"];
    const mcpServers = { notes: { type: "http", url: "https://mcp.example/notes" }, own: { command: "x" } };
    const [model = "", notes = "", ...more] = warned({ network: { dnsFirewall }, mcpServers });
    assert.match(model, /lacks api\.anthropic\.com, the host of the model's API/);
    assert.match(notes, /lacks mcp\.example, the host of the MCP server notes/);
    assert.deepEqual(more, []);
    const listed = [...dnsFirewall, "*.anthropic.com", "mcp.example"];
    assert.deepEqual(warned({ network: { dnsFirewall: listed }, mcpServers }), []);
    assert.deepEqual(warned({ mcpServers }), [], "without a firewall all resolves");
  });

  it("tell of an account that is not pinned, where data matters", () => {
    assert.match(warned({}, "prod")[0] ?? "", /cloister:accountId is not set/);
    assert.deepEqual(warned({ accountId: "123456789012" }, "prod"), []);
  });
});
