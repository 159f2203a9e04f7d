import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { withAmi } from "../../../infra/aws/machines/pin-ami.ts";
import { monthlyEstimate, total } from "../../../infra/aws/plan/price.ts";
import { pricesFor } from "../../../infra/aws/plan/prices.ts";
import type { Settings } from "../../../infra/settings/settings.ts";
import { compared, difference, rangeText } from "../../../preview/cost/compare.ts";
import { estimate, poolSizes, rollCost, sumOf } from "../../../preview/cost/estimate.ts";
import { withChange } from "../../../preview/cost/what-if.ts";
import { readConfig } from "../../../preview/parts/config.ts";
import { costOf } from "../../../preview/parts/cost.ts";
import { IMAGES } from "../../../rehearsal/moto.ts";

const prod = withAmi(
  readFileSync(new URL("../../../Pulumi.prod.yaml", import.meta.url), "utf8"),
  IMAGES[0] as (typeof IMAGES)[0],
);

function settingsOf(...changes: string[]): Settings {
  const { settings } = readConfig(changes.reduce(withChange, prod));
  assert.ok(settings, "the settings are accepted");
  return settings;
}
const lineOf = (settings: Settings, what: string): string => {
  const found = estimate(settings).lines.find((one) => one.what.startsWith(what));
  assert.ok(found, `there is a line ${what}`);
  return rangeText(found);
};
const hourly = (type: string): number => pricesFor(settingsOf().region).hourly(type) ?? Number.NaN;
const hour = hourly("c8g.xlarge");
const usd = (value: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

describe("the cost of a stack", () => {
  it("ranges from the least to the most that schedules and scaling make of a pool", () => {
    const settings = settingsOf();
    assert.deepEqual(poolSizes(settings, "workers"), { least: 3, most: 60 });
    assert.equal(lineOf(settings, "pool workers: c8g.xlarge"), `${usd(3 * hour * 730)} to ${usd(60 * hour * 730)}`);
    const night = settingsOf("pools.workers.schedules.night.min=0", "pools.workers.schedules.day.max=80");
    assert.deepEqual(poolSizes(night, "workers"), { least: 0, most: 80 });
    assert.equal(lineOf(settings, "machine one: c8g.xlarge"), usd(hour * 730));
    assert.match(lineOf(settings, "machine one: snapshots"), /^0\.00 to 17\.40$/);
  });

  it("counts Spot from the largest discount to none, and what is on demand in full", () => {
    const spot = "pools.workers.spot={instanceTypes: [m8g.xlarge, r8g.xlarge], onDemandBase: 2, onDemandPercent: 50}";
    const line = lineOf(settingsOf(spot), "pool workers: c8g.xlarge, m8g.xlarge, r8g.xlarge");
    const dearest = hourly("r8g.xlarge");
    // Of the least three, two and a half are on demand; half a one is Spot.
    assert.equal(line, `${usd((2.5 + 0.5 * 0.1) * hour * 730)} to ${usd(60 * dearest * 730)}`);
  });

  it("is not known where a price is not, and never looks like a saving", () => {
    const before = settingsOf();
    const after = settingsOf("machines.one.instanceType=c8gd.xlarge");
    const { lines, sum } = compared(before, after);
    const [gone] = lines.filter(({ what }) => what === "machine one: c8g.xlarge");
    const [come] = lines.filter(({ what }) => what === "machine one: c8gd.xlarge");
    assert.equal(rangeText(gone?.delta ?? { least: 0, most: 0 }, true), `−${usd(hour * 730)}`);
    assert.deepEqual(
      [come?.after, come?.delta],
      [
        { least: null, most: null },
        { least: null, most: null },
      ],
    );
    assert.deepEqual([sum.after.least, sum.delta], [null, { least: null, most: null }]);
    assert.equal(
      rangeText(
        sumOf([
          { least: null, most: 3 },
          { least: 1, most: 1 },
        ]),
      ),
      "not known to 4.00",
    );
    assert.deepEqual(difference({ least: 5, most: 5 }, { least: null, most: 7 }), { least: null, most: 2 });
  });

  it("says whose prices they are, and from when", () => {
    const own = settingsOf();
    assert.deepEqual(estimate(own).prices, { region: "eu-central-1", date: "2026-01", isOwn: true });
    const elsewhere = estimate({ ...own, region: "mx-central-1" }).prices;
    assert.deepEqual(elsewhere, { region: "us-east-1", date: "2026-01", isOwn: false });
  });

  it("is at its least what the program says, snapshots and a pool's wanted size apart", () => {
    const own = settingsOf("pools.workers.schedules={}");
    const least = estimate(own).sum.least ?? Number.NaN;
    const snapshots = monthlyEstimate(own)
      .filter(({ what }) => what.includes("snapshots"))
      .reduce((sum, one) => sum + one.usd, 0);
    assert.ok(Math.abs(least - ((total(monthlyEstimate(own)) ?? Number.NaN) - snapshots)) < 0.1);
  });

  it("of a roll counts the machines above the size, once", () => {
    const settings = settingsOf();
    const cost = rollCost(settings, "workers", { least: 30, most: 660 });
    assert.deepEqual(cost, { least: Math.round(hour * 50) / 100, most: Math.round(6 * hour * 1100) / 100 });
    const rolls = {
      name: "workers",
      kind: "pool",
      effect: "rolls",
      order: 2,
      minutes: { least: 30, most: 660 },
      note: "",
    } as const;
    assert.deepEqual(costOf(settings, settings, [], 0, [rolls]).once, [{ what: "pool workers rolls", ...cost }]);
  });

  it("of what is left behind goes on", () => {
    const leaving = [
      { kind: "disk", name: "one-session", gib: 10, stays: true },
      { kind: "disk", name: "two-session", gib: 10, stays: false },
      { kind: "key", name: "cloister-prod", gib: 0, stays: true },
    ];
    const { left } = costOf(settingsOf(), undefined, leaving, 30, []);
    assert.deepEqual(left, [
      { what: "disk one-session, 10 GiB", least: 0.93, most: 0.93 },
      { what: "snapshots of two-session", least: 0, most: 17.4 },
      { what: "key cloister-prod", least: 1, most: 1 },
    ]);
  });

  it("is tried with other values, and a value that cannot be set is refused", () => {
    const more = compared(settingsOf(), settingsOf("pools.workers.max=200"));
    assert.deepEqual([more.sum.delta.least, (more.sum.delta.most ?? 0) > 10_000], [0, true]);
    const config = parse(withChange(prod, "machines.three={}")) as { config: Record<string, object> };
    assert.deepEqual(Object.keys(config.config["cloister:machines"] ?? {}), ["one", "two", "three"]);
    assert.throws(() => withChange(prod, "pools.workers.max"), /write KEY=VALUE/);
    assert.throws(() => withChange(prod, "region.name=x"), /region is a value and has no name/);
  });
});
