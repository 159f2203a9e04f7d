/* biome-ignore-all lint/suspicious/noExplicitAny: inputs of any resource */
import { EXAMPLE_AUTHORITY } from "../../../../infra/settings/keys/machine.ts";
import type { Settings } from "../../../../infra/settings/settings.ts";
import { type Made, make, type Row, userData } from "./options.ts";
import { settingsOf } from "./settings.ts";
import { newTarget } from "./target.ts";

/** The configuration without its namespace. */
export type Config = Readonly<Record<string, unknown>>;

/** What all rows begin with: one named machine `one` and one pool `workers`, on the stack dev. */
export const base: Config = {
  machines: { one: { zone: "eu-central-1a" } },
  pools: { workers: { min: 1, max: 4 } },
  network: {},
  tags: {},
  budget: null,
};
const [boundary, secret] = [
  "arn:aws:iam::123456789012:policy/boundary",
  "arn:aws:secretsmanager:eu-central-1:1:secret:x",
];
export const existing = {
  vpcId: "vpc-1",
  cidr: "10.0.0.0/16",
  subnetIds: { "eu-central-1a": "a", "eu-central-1b": "b" },
};

type Look = (inputs: Readonly<Record<string, any>>) => unknown;
const templates = (look: Look) => (made: Made) => made.of("LaunchTemplate").map(look);
const machines = (look: Look) => templates(({ userData: base64 }) => look(userData(base64).machine));
const disks = (which: number) => templates(({ blockDeviceMappings }) => blockDeviceMappings[which]?.ebs.volumeSize);
const row = (change: Config, sees: (made: Made) => unknown, before: unknown, after: unknown): Row<Config> => ({
  change,
  sees,
  before,
  after,
});
const network = (change: object, sees: (made: Made) => unknown, before: unknown, after: unknown) =>
  row({ network: change }, sees, before, after);
const one = (change: object, sees: (made: Made) => unknown, before: unknown, after: unknown) =>
  row({ machines: { one: { zone: "eu-central-1a", ...change } } }, sees, before, after);
const workers = (change: object, sees: (made: Made) => unknown, before: unknown, after: unknown) =>
  row({ pools: { workers: { min: 1, max: 4, ...change } } }, sees, before, after);
const snapshots = (change: object, sees: string, before: unknown, after: unknown) =>
  row({ snapshots: change }, (made) => made.one("LifecyclePolicy")["policyDetails"].schedules[0][sees], before, after);
const group = (property: string) => (made: Made) => made.one("Group")[property];

/** Keys that mean nothing on AWS; what is refused there is in `bad-input.test.ts`. */
export const ELSEWHERE = [
  "target",
  "architecture",
  "cpus",
  "memoryMiB",
  "baseImage",
  "accelerator",
  "boot",
  "sshPort",
  "hostAccess",
  "stateDirectory",
  "engine",
  "containerBase",
  "folders",
] as const;
type Here = Exclude<keyof Settings, (typeof ELSEWHERE)[number]>;
type Parts =
  | `network.${keyof Settings["network"]}`
  | `machines.${keyof Settings["machines"][string]}`
  | `pools.${keyof Settings["pools"][string]}`
  | `snapshots.${keyof Settings["snapshots"]}`
  | `alerts.${keyof NonNullable<Settings["alerts"]>}`
  | `budget.${keyof NonNullable<Settings["budget"]>}`;
/** Seen by its parts. */
type Whole = "network" | "machines" | "pools" | "snapshots" | "budget" | "alerts";
/** Only compared with what is written elsewhere. */
type Compared = "network.peerCidrs";

/** A change of each key and part that AWS knows, and how it is seen. */
export const ROWS: Readonly<Record<Exclude<Here | Parts, Whole | Compared>, Row<Config>>> = {
  hostname: row(
    { hostname: "other" },
    templates(({ userData: base64 }) => userData(base64).document["hostname"]),
    ["claude", "claude"],
    ["other", "other"],
  ),
  sessionMemoryMiB: row(
    { sessionMemoryMiB: 2048 },
    machines(({ sessions }) => sessions.memoryMiB),
    [3891, 3891],
    [2048, 2048],
  ),
  rootDiskGiB: row({ rootDiskGiB: 12 }, disks(0), [10, 10], [12, 12]),
  sessionDiskGiB: row(
    { sessionDiskGiB: 15 },
    (made) => [made.one("Volume")["size"], disks(1)(made)],
    [10, [undefined, 10]],
    [15, [undefined, 15]],
  ),
  model: row(
    { model: "another" },
    machines(({ agent }) => agent.model),
    Array.from({ length: 2 }, () => "claude-opus-4-5-20251101"),
    ["another", "another"],
  ),
  tools: row(
    { tools: ["Bash"] },
    machines(({ agent }) => agent.tools.length),
    [7, 7],
    [1, 1],
  ),
  mcpServers: row(
    { mcpServers: { notes: { command: "notes-server" } } },
    machines(({ agent }) => Object.keys(agent.mcpServers ?? {})),
    [[], []],
    [
      ["session", "web", "notes"],
      ["session", "web", "notes"],
    ],
  ),
  builtInMcpServers: row(
    { builtInMcpServers: ["web"] },
    machines(({ agent }) => Object.keys(agent.mcpServers ?? {})),
    [[], []],
    [["web"], ["web"]],
  ),
  region: row(
    {
      region: "eu-west-1",
      zones: ["eu-west-1a", "eu-west-1b"],
      machines: { one: { zone: "eu-west-1a" } },
    },
    (made) => [made.one("aws")["region"], made.of("VpcEndpoint")[0]?.["serviceName"]],
    ["eu-central-1", "com.amazonaws.eu-central-1.s3"],
    ["eu-west-1", "com.amazonaws.eu-west-1.s3"],
  ),
  zones: row(
    { zones: ["eu-central-1a", "eu-central-1c"] },
    (made) => [...new Set(made.of("Subnet").map((inputs) => inputs["availabilityZone"]))],
    ["eu-central-1a", "eu-central-1b"],
    ["eu-central-1a", "eu-central-1c"],
  ),
  instanceType: row(
    { instanceType: "m8g.xlarge" },
    templates(({ instanceType }) => instanceType),
    ["c8g.xlarge", "c8g.xlarge"],
    ["m8g.xlarge", "m8g.xlarge"],
  ),
  ami: row(
    {
      ami: {
        ...settingsOf("dev").ami,
        id: "ami-00000000000000001",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260101",
      },
    },
    templates(({ imageId, userData: base64 }) => [imageId, userData(base64).machine["expected"].ubuntu]),
    [
      ["ami-0123456789abcdef0", undefined],
      ["ami-0123456789abcdef0", undefined],
    ],
    [
      ["ami-00000000000000001", "24.04"],
      ["ami-00000000000000001", "24.04"],
    ],
  ),
  "network.cidr": network(
    { cidr: "10.9.0.0/16" },
    (made) => made.one("Vpc")["cidrBlock"],
    "10.20.0.0/16",
    "10.9.0.0/16",
  ),
  "network.nat": network({ nat: "per-zone" }, (made) => made.of("NatGateway").length, 1, 2),
  "network.ssmEndpoints": network({ ssmEndpoints: true }, (made) => made.of("VpcEndpoint").length, 1, 3),
  "network.flowLogs": network(
    { flowLogs: false },
    (made) => [made.of("FlowLog").length, made.names("Role").includes("cloister-dev-flow-logs")],
    [1, true],
    [0, false],
  ),
  "network.dnsFirewall": network(
    { dnsFirewall: ["ports.ubuntu.com"] },
    (made) => made.of("ResolverFirewallRule").length,
    0,
    2,
  ),
  "network.existing": network(
    { existing },
    (made) => [made.of("Vpc").length, group("vpcZoneIdentifiers")(made)],
    [1, ["cloister-dev-private-eu-central-1a-id", "cloister-dev-private-eu-central-1b-id"]],
    [0, ["a", "b"]],
  ),
  "machines.zone": one(
    { zone: "eu-central-1b" },
    (made) => [made.one("Volume")["availabilityZone"], made.of("LaunchTemplate")[0]?.["networkInterfaces"][0].subnetId],
    ["eu-central-1a", "cloister-dev-private-eu-central-1a-id"],
    ["eu-central-1b", "cloister-dev-private-eu-central-1b-id"],
  ),
  "machines.instanceType": one(
    { instanceType: "r8g.large" },
    templates(({ instanceType }) => instanceType),
    ["c8g.xlarge", "c8g.xlarge"],
    ["r8g.large", "c8g.xlarge"],
  ),
  // Of three zones, that of the former name; its own would be another.
  "machines.was": row(
    { zones: ["a", "b", "c"].map((letter) => `eu-central-1${letter}`), machines: { one: { was: "first" } } },
    (made) => made.one("Volume")["availabilityZone"],
    "eu-central-1a",
    "eu-central-1c",
  ),
  "machines.sessionDiskGiB": one({ sessionDiskGiB: 40 }, (made) => made.one("Volume")["size"], 10, 40),
  "pools.min": workers({ min: 2 }, group("minSize"), 1, 2),
  "pools.max": workers({ max: 5 }, group("maxSize"), 4, 5),
  "pools.desired": workers({ desired: 3 }, group("desiredCapacity"), undefined, 3),
  "pools.instanceType": workers(
    { instanceType: "r8g.large" },
    templates(({ instanceType }) => instanceType),
    ["c8g.xlarge", "c8g.xlarge"],
    ["c8g.xlarge", "r8g.large"],
  ),
  "pools.schedules": workers(
    { schedules: { day: { cron: "0 7 * * *", min: 1, max: 4, desired: 2 } } },
    (made) => made.of("Schedule").map(({ recurrence }) => recurrence),
    [],
    ["0 7 * * *"],
  ),
  "pools.spot": workers(
    { spot: { onDemandBase: 2, onDemandPercent: 10, instanceTypes: ["m8g.xlarge"] } },
    (made) => group("mixedInstancesPolicy")(made)?.instancesDistribution,
    undefined,
    {
      onDemandBaseCapacity: 2,
      onDemandPercentageAboveBaseCapacity: 10,
      spotAllocationStrategy: "price-capacity-optimized",
    },
  ),
  "pools.warmPool": workers({ warmPool: { minSize: 1, state: "Running" } }, group("warmPool"), undefined, {
    minSize: 1,
    poolState: "Running",
    instanceReusePolicy: { reuseOnScaleIn: false },
  }),
  "pools.drainSeconds": workers({ drainSeconds: 60 }, (made) => made.one("LifecycleHook")["heartbeatTimeout"], 900, 60),
  "snapshots.everyHours": snapshots(
    { everyHours: 4 },
    "createRule",
    { interval: 24, intervalUnit: "HOURS", times: "03:00" },
    { interval: 4, intervalUnit: "HOURS", times: "03:00" },
  ),
  "snapshots.keep": snapshots({ keep: 3 }, "retainRule", { count: 7 }, { count: 3 }),
  logRetentionDays: row(
    { logRetentionDays: 90 },
    (made) => made.of("LogGroup").map(({ retentionInDays }) => retentionInDays),
    [7, 7, 7],
    [90, 90, 90],
  ),
  "budget.monthlyUSD": row(
    { budget: { monthlyUSD: 70, email: "a@example.com" } },
    (made) => made.of("Budget").flatMap(({ limitAmount }) => limitAmount ?? []),
    [],
    ["70"],
  ),
  "budget.email": row(
    { budget: { monthlyUSD: 70, email: "b@example.com" } },
    (made) => made.of("Budget").flatMap(({ notifications }) => notifications?.[0].subscriberEmailAddresses ?? []),
    [],
    ["b@example.com"],
  ),
  "alerts.email": row(
    { alerts: { email: "a@example.com" } },
    (made) => [
      made.of("TopicSubscription").map(({ protocol, endpoint }) => [protocol, endpoint]),
      made.names("MetricAlarm"),
    ],
    [[], ["one-recovery"]],
    [
      [["email", "a@example.com"]],
      ["cloister-dev-system-silent", "cloister-dev-workers-small", "one-check", "one-recovery"],
    ],
  ),
  accountId: row(
    { accountId: "123456789012" },
    (made) => made.one("aws")["allowedAccountIds"],
    undefined,
    '["123456789012"]',
  ),
  onDestroy: row({ onDestroy: "refuse" }, (made) => made.one("Bucket")["forceDestroy"], true, false),
  terminationProtection: row(
    { terminationProtection: true },
    (made) => made.one("Instance")["disableApiTermination"],
    false,
    true,
  ),
  packages: row(
    { packages: ["cmake"] },
    machines(({ packages }) => packages),
    [undefined, undefined],
    [["cmake"], ["cmake"]],
  ),
  certificateAuthorities: row(
    { certificateAuthorities: [EXAMPLE_AUTHORITY] },
    templates(({ userData: base64 }) =>
      userData(base64)
        .document["write_files"].filter(({ path }: { path: string }) => path === "/etc/cloister/authorities.pem")
        .map(({ content }: { content: string }) => content),
    ),
    [[], []],
    [[EXAMPLE_AUTHORITY], [EXAMPLE_AUTHORITY]],
  ),
  aptMirror: row(
    { aptMirror: "https://mirror.example.com/ubuntu" },
    templates(({ userData: base64 }) => userData(base64).document["apt"].primary[0].uri),
    Array.from({ length: 2 }, () => "https://ports.ubuntu.com/ubuntu-ports"),
    Array.from({ length: 2 }, () => "https://mirror.example.com/ubuntu"),
  ),
  logsRequired: row(
    { logsRequired: true },
    machines(({ aws }) => aws.logsRequired),
    [undefined, undefined],
    [true, true],
  ),
  detailedMonitoring: row(
    { detailedMonitoring: true },
    templates(({ monitoring }) => monitoring),
    [{ enabled: false }, { enabled: false }],
    [{ enabled: true }, { enabled: true }],
  ),
  permissionsBoundary: row(
    { permissionsBoundary: boundary },
    (made) => made.of("Role").map(({ permissionsBoundary }) => permissionsBoundary),
    [undefined, undefined, undefined],
    [boundary, boundary, boundary],
  ),
  modelKeySecret: row(
    { modelKeySecret: secret },
    (made) => [made.of("Secret").length, machines(({ aws }) => aws.modelKeySecret)(made)],
    [1, Array.from({ length: 2 }, () => "arn:aws:secretsmanager:eu-central-1:123456789012:cloister-dev-model-key")],
    [0, [secret, secret]],
  ),
  tags: row(
    { tags: { team: "agents" } },
    (made) => ["Vpc", "Key", "Bucket", "Instance", "Secret"].map((type) => made.one(type)["tags"].team),
    Array.from({ length: 5 }),
    Array.from({ length: 5 }, () => "agents"),
  ),
};

/** The stack dev with changes. */
export const config = (changes: Config): Settings =>
  settingsOf("dev", Object.fromEntries(Object.entries(changes).map(([key, value]) => [`cloister:${key}`, value])));

const known = new Map<string, Promise<Made>>();

/** All that the stack dev registers with changes of {@link base}. Made once for all tests of the same changes. */
export function madeWith(changes: Config): Promise<Made> {
  const all = { ...base, ...changes };
  const key = JSON.stringify(all);
  const found = known.get(key) ?? make(() => newTarget(config(all)));
  known.set(key, found);
  return found;
}
