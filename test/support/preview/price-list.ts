/** Stands in for AWS's public price list: its files over HTTP, on the loopback interface. Its numbers are made up. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The names of a file's columns, in AWS's order, without those that nothing reads. */
const COLUMNS =
  "SKU,OfferTermCode,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,Product Family,serviceCode,Location,Instance Type,Operating System,Tenancy,usageType,CapacityStatus,Pre Installed S/W".split(
    ",",
  );

type Cells = Readonly<Record<string, string>>;

const row = (cells: Cells): Cells => ({
  TermType: "OnDemand",
  Currency: "USD",
  StartingRange: "0",
  EndingRange: "Inf",
  PriceDescription: 'in words, with "quotes", and commas',
  ...cells,
});
const machine = (type: string, usd: number, more: Cells = {}): Cells =>
  row({
    "Product Family": type.includes("metal") ? "Compute Instance (bare metal)" : "Compute Instance",
    Unit: "Hrs",
    PricePerUnit: usd.toFixed(10),
    "Instance Type": type,
    "Operating System": "Linux",
    Tenancy: "Shared",
    CapacityStatus: "Used",
    "Pre Installed S/W": "NA",
    usageType: `EUC1-BoxUsage:${type}`,
    ...more,
  });
const other = (usageType: string, Unit: string, usd: number, more: Cells = {}): Cells =>
  row({ usageType, Unit, PricePerUnit: usd.toFixed(10), ...more });

/** Rows of each service, with many beside those that are wanted. */
export const ROWS: Readonly<Record<string, Cells[]>> = {
  AmazonEC2: [
    machine("c8g.medium", 0.0457),
    machine("c8g.xlarge", 0.18281),
    machine("c8g.metal-24xl", 4.38744),
    machine("m8g.large", 0.2),
    machine("m8g.xlarge", 0.5),
    machine("t4g.medium", 0.04),
    machine("m5.large", 0.1),
    machine("c8g.xlarge", 0.3, { "Operating System": "SUSE" }),
    machine("c8g.xlarge", 0.4, { Tenancy: "Dedicated" }),
    machine("c8g.xlarge", 0.5, { "Pre Installed S/W": "SQL Web" }),
    machine("c8g.xlarge", 0, {
      CapacityStatus: "AllocatedCapacityReservation",
      usageType: "EUC1-Reservation:c8g.xlarge",
    }),
    machine("c8g.xlarge", 0.1, { TermType: "Reserved" }),
    machine("r8g.large", 0),
    other("EUC1-EBS:VolumeUsage.gp3", "GB-Mo", 0.0952, { "Product Family": "Storage" }),
    other("EUC1-EBS:VolumeUsage.gp2", "GB-Mo", 0.119, { "Product Family": "Storage" }),
    other("EUC1-EBS:SnapshotUsage", "GB-Mo", 0.054),
    other("EUC1-EBS:SnapshotUsageUnderBilling", "GB-Mo", 0.001),
    other("EUC1-NatGateway-Hours", "Hrs", 0.052),
    other("EUC1-NatGateway-Bytes", "GB", 0.053),
  ],
  AmazonVPC: [
    other("EUC1-PublicIPv4:InUseAddress", "Hrs", 0.005),
    other("EUC1-PublicIPv4:IdleAddress", "Hrs", 0.006),
    other("EUC1-VpcEndpoint-Hours", "Hrs", 0.012),
  ],
  AmazonCloudWatch: [
    other("EUC1-CW:MetricMonitorUsage", "Metrics", 0.3),
    other("EUC1-CW:MetricMonitorUsage", "Metrics", 0.1, { StartingRange: "10000" }),
    other("EUC1-CW:AlarmMonitorUsage", "Alarms", 0.1),
    other("EUC1-CW:HighResAlarmMonitorUsage", "Alarms", 0.3),
  ],
};

const quoted = (cells: readonly string[]): string => cells.map((one) => `"${one.replaceAll('"', '""')}"`).join(",");

/** A service's file. */
export function fileOf(offer: string, rows: readonly Cells[] = ROWS[offer] ?? [], columns = COLUMNS): string {
  const head = [
    ["FormatVersion", "v1.0"],
    ["Disclaimer", "This pricing list is for informational purposes only."],
    ["Publication Date", "2026-11-20T21:15:01Z"],
    ["Version", "20261120211501"],
    ["OfferCode", offer],
    columns,
  ];
  return [...head.map(quoted), ...rows.map((cells) => quoted(columns.map((name) => cells[name] ?? "")))].join("\n");
}

/** Called for each request; what it returns is the answer. Undefined: the usual one. */
export type Answer = (path: string, times: number) => { status?: number; text?: string; cutAt?: number } | undefined;

export async function priceList(
  answer: Answer = () => undefined,
): Promise<{ from: string; asked: string[]; stop: () => Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const [, offer = "", kind = ""] =
      /^\/offers\/v1\.0\/aws\/(\w+)\/\w+\/(?:eu-central-1\/)?([\w.]+)$/.exec(path) ?? [];
    const usual =
      kind === "region_index.json"
        ? JSON.stringify({
            regions: {
              "eu-central-1": {
                regionCode: "eu-central-1",
                currentVersionUrl: `/offers/v1.0/aws/${offer}/20261120211501/eu-central-1/index.json`,
              },
            },
          })
        : kind === "index.csv"
          ? fileOf(offer)
          : undefined;
    const own = answer(path, asked.filter((one) => one === path).length);
    const text = own?.text ?? usual ?? "";
    const status = own?.status ?? (own?.text === undefined && usual === undefined ? 404 : 200);
    response.writeHead(status, { "content-length": Buffer.byteLength(text) });
    if (own?.cutAt === undefined) response.end(text);
    else response.write(text.slice(0, own.cutAt), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { from, asked, stop };
}
