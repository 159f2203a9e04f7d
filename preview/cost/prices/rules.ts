/** Which rows of AWS's price list are which prices of the table. */
import { instanceSize, instanceTypeFacts } from "../../../infra/aws/plan/graviton.ts";

/** One row of a service's file, by the names of its columns. */
export type Row = (column: string) => string;

/** Prices that a region has one of. */
export const SINGLE = [
  "gp3GiB",
  "snapshotGiB",
  "natGatewayHour",
  "addressHour",
  "endpointHour",
  "metricMonth",
  "alarmMonth",
] as const;
export type Single = (typeof SINGLE)[number];

const ALL = ["TermType", "StartingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "usageType"];

/** Columns that the rules read, by service. A file that lacks one of them, or has it twice, is not as it was. */
export const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  AmazonEC2: [...ALL, "Instance Type", "Operating System", "Tenancy", "CapacityStatus", "Pre Installed S/W"],
  AmazonVPC: ALL,
  AmazonCloudWatch: ALL,
};

/** Forms of cells that tell whether a column still holds what its name says: one that moved holds something else. */
const FORMS: Readonly<Record<string, RegExp>> = {
  TermType: /^[A-Za-z]+$/,
  StartingRange: /^(?:\d+(?:\.\d+)?)?$/,
  PricePerUnit: /^\d+(?:\.\d+)?(?:[eE]-?\d+)?$/,
  Currency: /^[A-Z]{3}$/,
};

/** The first column whose cell is not of its form, with the cell; undefined when all are. */
export function oddColumn(row: Row): { readonly column: string; readonly cell: string } | undefined {
  for (const [column, form] of Object.entries(FORMS)) if (!form.test(row(column))) return { column, cell: row(column) };
  return undefined;
}

interface Rule {
  readonly price: Single;
  readonly usage: RegExp;
  readonly unit: RegExp;
  readonly where?: (row: Row) => boolean;
}

const HOURS = /^(?:hrs|hours?)$/i;
const GIB_MONTHS = /^gb-mo/i;

/** Services, with the rules for their rows. A usage type begins with a short name of its region, except in us-east-1. */
export const OFFERS: Readonly<Record<string, readonly Rule[]>> = {
  AmazonEC2: [
    {
      price: "gp3GiB",
      usage: /(?:^|-)EBS:VolumeUsage\.gp3$/,
      unit: GIB_MONTHS,
      where: (row) => row("Product Family") === "Storage",
    },
    { price: "snapshotGiB", usage: /(?:^|-)EBS:SnapshotUsage$/, unit: GIB_MONTHS },
    { price: "natGatewayHour", usage: /(?:^|-)NatGateway-Hours$/, unit: HOURS },
  ],
  AmazonVPC: [
    { price: "addressHour", usage: /(?:^|-)PublicIPv4:InUseAddress$/, unit: HOURS },
    { price: "endpointHour", usage: /(?:^|-)VpcEndpoint-Hours$/, unit: HOURS },
  ],
  AmazonCloudWatch: [
    { price: "metricMonth", usage: /(?:^|-)CW:MetricMonitorUsage$/, unit: /^metrics?$/i },
    { price: "alarmMonth", usage: /(?:^|-)CW:AlarmMonitorUsage$/, unit: /^alarms?$/i },
  ],
};

/** A price that a row has. */
export type Found = { readonly price: Single; readonly usd: number } | { readonly type: string; readonly usd: number };

/** The price that a row has; undefined where it has none that the table wants. A price of zero is none. */
export function priceIn(offer: string, row: Row): Found | undefined {
  if (row("TermType") !== "OnDemand" || row("Currency") !== "USD") return undefined;
  const usd = Number(row("PricePerUnit"));
  if (!Number.isFinite(usd) || usd <= 0) return undefined;
  const type = offer === "AmazonEC2" ? instanceIn(row) : undefined;
  if (type !== undefined) return { type, usd };
  // Of prices that fall with the amount the first one counts: a stack is small.
  const start = Number(row("StartingRange") || 0);
  const rule = (OFFERS[offer] ?? []).find(
    ({ usage, unit, where }) => usage.test(row("usageType")) && unit.test(row("Unit")) && (where?.(row) ?? true),
  );
  return rule && start === 0 ? { price: rule.price, usd } : undefined;
}

/** The instance type of a row that is an hour of Linux on demand, on shared hardware; of Graviton4 and newer. */
function instanceIn(row: Row): string | undefined {
  if (!row("Product Family").startsWith("Compute Instance") || !HOURS.test(row("Unit"))) return undefined;
  const isPlain =
    row("Operating System") === "Linux" &&
    row("Tenancy") === "Shared" &&
    row("CapacityStatus") === "Used" &&
    row("Pre Installed S/W") === "NA" &&
    /(?:^|-)BoxUsage:/.test(row("usageType"));
  const type = row("Instance Type");
  const { generation = 0 } = instanceTypeFacts(type);
  return isPlain && generation >= 4 && instanceSize(type) !== undefined ? type : undefined;
}
