import assert from "node:assert/strict";
import { configDifferences, configRows, readConfig } from "../../../preview/parts/config.ts";
import { costOf } from "../../../preview/parts/cost.ts";
import { Scrubber } from "../../../preview/secrets/scrub.ts";

const file = (...lines: string[]): string => `config:\n${lines.map((line) => `  ${line}\n`).join("")}`;

/** Rows of the comment: key, before and after in words. */
function rows(base: string, head: string): string[] {
  const found = configDifferences(readConfig(base), readConfig(head));
  return configRows(found, new Scrubber()).map(({ key, before, after }) => {
    const text = (shown: typeof before): string => ("value" in shown ? shown.value : (Object.keys(shown)[0] ?? ""));
    return `${key}: ${text(before)} → ${text(after)}`;
  });
}

describe("the configuration before and after", () => {
  it("a part that is not said has its default on both sides", () => {
    const whole = file("cloister:snapshots: { everyHours: 12, keep: 7 }");
    assert.deepEqual(rows(whole, file("cloister:snapshots: { everyHours: 24 }")), [
      "cloister:snapshots.everyHours: 12 → 24",
    ]);
    assert.deepEqual(rows(whole, file("cloister:snapshots: { everyHours: 12 }")), []);
    assert.deepEqual(
      rows(file("cloister:network: { nat: none }"), file("cloister:network: { nat: single, flowLogs: false }")),
      ["cloister:network.flowLogs: true → false", "cloister:network.nat: none → single"],
    );
    assert.deepEqual(rows(file(), file("cloister:network: { nat: none }")), ["cloister:network.nat: single → none"]);
  });

  it("a part that has no default is there or not", () => {
    assert.deepEqual(rows(file("cloister:machines: { one: {} }"), file("cloister:machines: { one: { zone: a } }")), [
      "cloister:machines.one.zone: absent → a",
    ]);
  });

  it("a number that `pulumi config set` wrote as a text is the same number", () => {
    assert.deepEqual(rows(file("cloister:logRetentionDays: 30"), file('cloister:logRetentionDays: "30"')), []);
    assert.deepEqual(rows(file("cloister:logRetentionDays: 30"), file('cloister:logRetentionDays: "7"')), [
      "cloister:logRetentionDays: 30 → 7",
    ]);
  });

  it("of several secrets only the one with another ciphertext is named, also within a value", () => {
    const base = file("a:one: { secure: v1:aaaa }", "a:two: { secure: v1:bbbb }", "a:list: [{ secure: v1:cccc }, x]");
    const head = file("a:one: { secure: v1:aaaa }", "a:two: { secure: v1:dddd }", "a:list: [{ secure: v1:eeee }, x]");
    assert.deepEqual(rows(base, head), ["a:list: secret → secret", "a:two: secret → secret"]);
    assert.deepEqual(rows(base, base), []);
  });

  it("a value that is encrypted from now on is not shown as it was", () => {
    const [row] = rows(file("cloister:hostname: hunter"), file("cloister:hostname: { secure: v1:aaaa }"));
    assert.equal(row, "cloister:hostname: hidden → secret");
  });

  it("servers of tools and addresses of people are not shown", () => {
    const server = (host: string): string =>
      file(
        `cloister:mcpServers: { notes: { type: http, url: "https://${host}/?key=hunter", headers: { a: hunter } } }`,
      );
    assert.ok(rows(file(), server("a.example")).every((row) => !row.includes("hunter")));
    assert.deepEqual(rows(server("a.example"), server("b.example")), [
      "cloister:mcpServers.notes.url: hidden → hidden",
    ]);
    const mail = (who: string): string => file(`cloister:alerts: { email: ${who} }`);
    assert.deepEqual(rows(mail("ada.lovelace@example.com"), mail("grace@example.org")), [
      "cloister:alerts.email: a…@example.com → g…@example.org",
    ]);
  });
});

describe("what a pool costs", () => {
  const settings = (pool: string) =>
    readConfig(file("cloister:target: aws", "cloister:region: eu-central-1", `cloister:pools: { small: ${pool} }`))
      .settings;
  const cost = (before: string, after: string) => costOf(settings(before), settings(after), [], 7, []);
  const day = (min: number, desired: number): string =>
    `{ min: 0, max: 6, schedules: { day: { cron: "0 8 * * *", min: ${min}, max: 6, desired: ${desired} }, night: { cron: "0 20 * * *", min: 0, max: 6, desired: 0 } } }`;

  it("as its schedules ask, where the least and the most stay", () => {
    const { delta, usual } = cost(day(0, 2), day(0, 6));
    assert.deepEqual(delta, { least: 0, most: 0 });
    // Four more machines, half of the day.
    const one = cost("{ min: 1, max: 1 }", "{ min: 2, max: 2 }").delta.least ?? 0;
    assert.ok(one > 0);
    assert.ok(Math.abs((usual?.delta.least ?? 0) - 2 * one) < 0.1, JSON.stringify(usual));
    assert.equal(cost("{ min: 1, max: 1 }", "{ min: 2, max: 2 }").usual, null);
  });

  it("with machines that wait: running ones as those that work, stopped ones their disks", () => {
    const none = cost("{ min: 1, max: 4 }", "{ min: 1, max: 4 }").after;
    const running = cost("{ min: 1, max: 4 }", "{ min: 1, max: 4, warmPool: { state: Running } }").after;
    const stopped = cost("{ min: 1, max: 4 }", "{ min: 1, max: 4, warmPool: { state: Stopped } }").after;
    assert.equal(running.least, none.most);
    assert.ok((stopped.least ?? 0) > (none.least ?? 0) && (stopped.least ?? 0) < (running.least ?? 0));
  });
});
