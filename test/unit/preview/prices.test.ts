import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { PRICE_FILE, type PriceTable, readPrices, regionPrices } from "../../../infra/aws/plan/prices.ts";
import { refreshed, writeTable } from "../../../preview/cost/prices/refresh.ts";
import { type Answer, fileOf, priceList, ROWS } from "../../support/preview/price-list.ts";

const old: PriceTable = readPrices(await readFile(PRICE_FILE, "utf8"));
const isEc2 = (path: string): boolean => path.endsWith("/index.csv") && path.includes("AmazonEC2");

describe("AWS's price list (a stand-in over HTTP)", function () {
  this.timeout(60_000);

  async function refresh(answer?: Answer, region = "eu-central-1") {
    const list = await priceList(answer);
    try {
      const done = await refreshed(old, [region], { from: list.from, pauseMs: 1, idleMs: 2000 });
      return { ...done, asked: list.asked, [region]: done.regions[0] };
    } finally {
      await list.stop();
    }
  }

  it("gives a region its own prices: of Linux on demand, the first tier, and nothing else", async () => {
    const { table, regions } = await refresh();
    const row = table.regions["eu-central-1"];
    assert.ok(row);
    assert.deepEqual([row.date, row.about, row.gp3GiB, row.snapshotGiB], ["2026-11-20", false, 0.0952, 0.054]);
    assert.deepEqual([row.metricMonth, row.alarmMonth, row.endpointHour], [0.3, 0.1, 0.012]);
    assert.deepEqual(Object.keys(row.vcpuHour), ["c8g"]);
    assert.deepEqual(row.typeHour, { "m8g.large": 0.2, "m8g.xlarge": 0.5 });
    const prices = regionPrices("eu-central-1", row);
    assert.ok(Math.abs((prices.hourly("c8g.2xlarge") ?? 0) - 0.36562) < 1e-5);
    assert.deepEqual([prices.hourly("m8g.xlarge"), prices.natHour?.toFixed(3)], [0.5, "0.057"]);
    // Not for sale there, or free by mistake: not known, and never zero.
    for (const type of ["m8g.2xlarge", "r8g.large", "t4g.medium", "m5.large"])
      assert.equal(prices.hourly(type), undefined);
    assert.deepEqual(regions[0]?.unknown, []);
    const { "eu-central-1": _, ...others } = table.regions;
    const { "eu-central-1": __, ...before } = old.regions;
    assert.deepEqual(others, before);
  });

  it("leaves a price unknown that the list has not, or has two of", async () => {
    const rows = (ROWS["AmazonEC2"] ?? []).filter((one) => !one["usageType"]?.endsWith("SnapshotUsage"));
    const nat = rows.find((one) => one["usageType"]?.endsWith("NatGateway-Hours"));
    const text = fileOf("AmazonEC2", [...rows, { ...nat, PricePerUnit: "0.9" }]);
    const { table, regions } = await refresh((path) => (isEc2(path) ? { text } : undefined));
    const row = table.regions["eu-central-1"];
    assert.deepEqual([row?.snapshotGiB, row?.natGatewayHour], [null, null]);
    assert.deepEqual(regions[0]?.unknown, ["natGatewayHour (0.052, 0.9)", "snapshotGiB"]);
    assert.ok(row);
    assert.equal(regionPrices("eu-central-1", row).natHour, undefined);
  });

  it("is read again after an error and after a file that was cut", async () => {
    const { table, asked } = await refresh((path, times) =>
      !isEc2(path) || times > 2 ? undefined : times === 1 ? { status: 503 } : { cutAt: 1500 },
    );
    assert.equal(table.regions["eu-central-1"]?.gp3GiB, 0.0952);
    assert.equal(asked.filter(isEc2).length, 3);
  });

  it("makes no table when it cannot be read to its end, or its form has changed", async () => {
    const text = fileOf("AmazonEC2");
    // The names stay where they were, and two columns change places.
    const moved = text.replace('"PricePerUnit","Currency"', '"Currency","PricePerUnit"');
    const wrong: readonly (readonly [Answer, RegExp])[] = [
      [(path) => (isEc2(path) ? { cutAt: 2000 } : undefined), /./],
      [(path) => (isEc2(path) ? { text: text.slice(0, -40) } : undefined), /cells|Quote/i],
      [(path) => (isEc2(path) ? { text: text.replace("PricePerUnit", "Price") } : undefined), /no column PricePerUnit/],
      [(path) => (isEc2(path) ? { text: text.replace('"Tenancy"', '"Sharing"') } : undefined), /no column Tenancy/],
      [
        (path) => (isEc2(path) ? { text: text.replace('"Location"', '"usageType"') } : undefined),
        /the column usageType more than once/,
      ],
      [(path) => (isEc2(path) ? { text: moved } : undefined), /line 7: the column PricePerUnit has "USD"/],
      [(path) => (isEc2(path) ? { text: text.replaceAll("Linux", "GNU") } : undefined), /no instance type/],
      [(path) => (isEc2(path) ? { text: text.replace("Publication Date", "Day") } : undefined), /no date/],
      [(path) => (path.endsWith("region_index.json") ? { text: "<html>" } : undefined), /JSON/],
      [(path) => (isEc2(path) ? { status: 403 } : undefined), /answered 403/],
    ];
    for (const [answer, message] of wrong) await assert.rejects(refresh(answer), message);
    await assert.rejects(refresh(undefined, "mx-central-1"), /no region mx-central-1/);
  });

  it("is asked over HTTPS alone, but for this computer", async () => {
    await assert.rejects(refreshed(old, ["eu-central-1"], { from: "http://prices.example.com", tries: 1 }), /HTTPS/);
  });

  it("the command writes the table in one step, and leaves it when something fails", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-prices-"));
    const file = join(folder, "prices.json");
    await copyFile(PRICE_FILE, file);
    const broken = await priceList((path) => (path.includes("CloudWatch") ? { status: 404 } : undefined));
    const list = await priceList();
    const run = async (from: string) =>
      await execa(
        process.execPath,
        ["--import", "tsx", "preview/cost/prices/main.ts", "--region", "eu-central-1", "--from", from, "--file", file],
        { cwd: fileURLToPath(new URL("../../../", import.meta.url)), reject: false },
      );
    try {
      const failed = await run(broken.from);
      assert.equal(failed.exitCode, 1);
      assert.match(failed.stderr, /answered 404\nThe table is as it was\./);
      assert.deepEqual(readPrices(await readFile(file, "utf8")), old);
      const done = await run(list.from);
      assert.equal(done.exitCode, 0, done.stderr);
      assert.match(done.stdout, /^eu-central-1: prices of 2026-11-20, of the families c8g, m8g$/m);
      assert.equal(readPrices(await readFile(file, "utf8")).regions["eu-central-1"]?.about, false);
      await assert.rejects(writeTable(file, { regions: { x: {} } } as unknown as PriceTable));
      assert.deepEqual(await readdir(folder), ["prices.json"]);
    } finally {
      await Promise.all([broken.stop(), list.stop()]);
      await rm(folder, { recursive: true, force: true });
    }
  });
});
