import { IMAGES } from "../../../rehearsal/moto.ts";

/** A change of a stack's configuration whose preview is recorded. */
export interface Scenario {
  readonly name: string;
  /** What the stack was brought up with before: keys that differ from {@link BASE}. */
  readonly from: "delete-data" | "keep-data" | "refuse";
  /** Keys that the change sets; null removes one. */
  readonly set: Readonly<Record<string, unknown>>;
  /** Default: a preview of `up`. */
  readonly command?: "destroy";
  /** Judged by the policy pack, with this in its settings: the level and limits of dev, and exceptions. Default: not judged. */
  readonly policy?: { readonly dev: string; readonly exceptions: string };
}

/** Keys of the recorded stack that differ from Pulumi.dev.yaml. */
export const BASE = {
  machines: { one: {}, two: {} },
  logRetentionDays: 30,
  snapshots: { everyHours: 12, keep: 7 },
};

const hundred = Object.fromEntries(
  Array.from({ length: 100 }, (_, i) => [`agent-${String(i + 1).padStart(3, "0")}`, {}]),
);
const build = { build: {}, two: {} };
/** The zone of `one` comes from its name: b. */
const moved = { one: { zone: "eu-central-1a" }, two: {} };

/** Limits that the recorded stack meets with the retention that it has, and not with a lower one. */
const LIMITS = "imageMaxAgeDays: 100000, retentionDays: 30";

/** In the order in which they are recorded: those with the same `from` share one `up`. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "none", from: "delete-data", set: {} },
  { name: "ami", from: "delete-data", set: { ami: IMAGES[1] } },
  { name: "user-data", from: "delete-data", set: { hostname: "agent" } },
  { name: "pool-size", from: "delete-data", set: { pools: { small: { min: 1, max: 4 } } } },
  { name: "pool-crosses-500", from: "delete-data", set: { pools: { small: { min: 0, max: 501 } } } },
  { name: "disk-grown", from: "delete-data", set: { sessionDiskGiB: 20 } },
  { name: "disk-shrunk", from: "delete-data", set: { sessionDiskGiB: 8 } },
  { name: "rename-delete-data", from: "delete-data", set: { machines: build } },
  {
    name: "rename-with-was",
    from: "delete-data",
    set: { machines: { build: { was: "one", zone: "eu-central-1b" }, two: {} } },
  },
  { name: "zone-moved", from: "delete-data", set: { machines: moved } },
  { name: "pool-renamed", from: "delete-data", set: { pools: { tiny: { min: 0, max: 2 } } } },
  { name: "region", from: "delete-data", set: { region: "eu-west-1", ami: { ...IMAGES[0], region: "eu-west-1" } } },
  { name: "target-local", from: "delete-data", set: { target: "local" } },
  {
    name: "schedule-added",
    from: "delete-data",
    set: {
      pools: {
        small: { min: 0, max: 2, schedules: { night: { cron: "0 20 * * *", min: 0, max: 2, desired: 0 } } },
      },
    },
  },
  { name: "machines-removed", from: "delete-data", set: { machines: {} } },
  {
    name: "retention-lowered",
    from: "delete-data",
    set: { logRetentionDays: 7, snapshots: { everyHours: 12, keep: 2 } },
  },
  {
    name: "own-secret",
    from: "delete-data",
    set: { modelKeySecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:team-key-AbCdEf" },
  },
  {
    name: "network",
    from: "delete-data",
    set: {
      network: {
        cidr: "10.20.0.0/20",
        nat: "none",
        ssmEndpoints: true,
        flowLogs: true,
        dnsFirewall: ["api.anthropic.com"],
      },
      aptMirror: "https://packages.s3.eu-central-1.amazonaws.com/ubuntu",
    },
  },
  { name: "hundred-machines", from: "delete-data", set: { machines: { ...BASE.machines, ...hundred } } },
  {
    name: "failed",
    from: "delete-data",
    set: { machines: { one: { instanceType: "m5.large" }, two: {} }, logRetentionDays: 8 },
  },
  {
    name: "policy-violation",
    from: "delete-data",
    set: { logRetentionDays: 7 },
    policy: { dev: `{level: mandatory, ${LIMITS}}`, exceptions: "[]" },
  },
  {
    name: "policy-exception",
    from: "delete-data",
    set: { logRetentionDays: 7 },
    policy: {
      dev: `{level: mandatory, ${LIMITS}}`,
      exceptions:
        '[{rule: log-retention, stack: dev, resource: "*", reason: Dev is thrown away each week., by: ada, since: 2026-11-01, until: 2027-01-15}]',
    },
  },
  {
    name: "policy-undecided",
    from: "delete-data",
    set: { ami: IMAGES[1] },
    policy: { dev: `{level: mandatory, ${LIMITS}}`, exceptions: "[]" },
  },
  { name: "destroy-delete-data", from: "delete-data", set: {}, command: "destroy" },
  { name: "tightened", from: "delete-data", set: { onDestroy: "refuse" } },
  { name: "rename-keep-data", from: "keep-data", set: { machines: build } },
  { name: "destroy-keep-data", from: "keep-data", set: {}, command: "destroy" },
  { name: "rename-refuse", from: "refuse", set: { machines: build } },
  { name: "zone-moved-refuse", from: "refuse", set: { machines: moved } },
  { name: "on-destroy-loosened", from: "refuse", set: { onDestroy: "delete-data" } },
  { name: "zone-moved-unprotected", from: "refuse", set: { onDestroy: "delete-data", machines: moved } },
  { name: "destroy-refuse", from: "refuse", set: {}, command: "destroy" },
];
