import { z } from "zod";
import { NETWORK, POOL, PUBLIC_MIRROR } from "../../aws/defaults.ts";
import { documented, inGroup, wholeNumber } from "../documented.ts";

/** The keys of the AWS target. Rules that tie several together are in `infra/aws/plan/problems`. */

const NAME = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;
const nameSchema = z.string().regex(NAME, {
  error: "must be a name of 1 to 32 lower-case letters, digits or hyphens, a letter first, no hyphen last",
});

const IN_PLACE = { aws: "in place" } as const;
const ANEW = { aws: "new machine" } as const;

/** Parts of names begin with a capital, but for few words: Africa/Dar_es_Salaam, Etc/GMT-1, America/Port-au-Prince. */
const SECOND_NAME =
  /^(?!.*\/.*[A-Z]{4})[A-Z][A-Za-z0-9]*(?:[/_-](?:[A-Z][A-Za-z]*|\d+|(?:of|es|au)(?=[_-])))*(?:[-+]?\d+)?$/;

/**
 * What is wrong with a time zone's name, or nothing: the IANA database, as this Node has it, must know it. Auto Scaling
 * takes no offsets, and no name in other letters than the database's.
 */
function timeZoneProblem(name: string): string | undefined {
  const wrong = "must be a time zone's name, such as Europe/Berlin";
  if (/^[+-]/.test(name)) return wrong;
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    const isSame = timeZone.toLowerCase() === name.toLowerCase();
    if (isSame && timeZone !== name) return `must be written as ${timeZone}`;
    if (isSame) return undefined;
    // Another zone's second name, of which Node does not tell the letters.
    return SECOND_NAME.test(name) ? undefined : `${wrong}, in the database's letters; its first name is ${timeZone}`;
  } catch {
    return wrong;
  }
}

const timeZone = z.string().superRefine((name, context) => {
  const message = timeZoneProblem(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const spot = z.strictObject({
  onDemandBase: documented(wholeNumber(0, 500).default(0), {
    description: "Machines that are always on-demand; the rest follow `onDemandPercent`.",
    example: 2,
  }),
  onDemandPercent: documented(wholeNumber(0, 100).default(0), {
    description: "Part of the machines above the base that is on-demand.",
    unit: "percent",
    example: 20,
  }),
  instanceTypes: documented(z.array(z.string()).default([]), {
    description: "Further types, for zones where the first has no Spot capacity.",
    example: ["m8g.xlarge"],
  }),
});

const schedule = z.strictObject({
  cron: documented(z.string().regex(/^(\S+ ){4}\S+$/, { error: "must be a cron expression of five fields" }), {
    description: "Cron expression of five fields: minute, hour, day of the month, month, day of the week.",
    example: "0 7 * * 1-5",
  }),
  timeZone: documented(timeZone.default("Etc/UTC"), {
    description:
      "Time zone of the expression, by its name in the IANA database. The schedule follows its clocks. A time that they skip or show twice when they change is told in a preview: AWS does not say what it does then.",
    example: "Europe/Berlin",
  }),
  min: documented(wholeNumber(0, 10_000), { description: "Least number of machines from then on.", example: 12 }),
  max: documented(wholeNumber(0, 10_000), { description: "Largest number of machines from then on.", example: 60 }),
  desired: documented(wholeNumber(0, 10_000), {
    description: "Machines to have from then on; from `min` to `max`.",
    example: 12,
  }),
});

const warmPool = z.strictObject({
  minSize: documented(wholeNumber(0, 500).default(0), { description: "Machines that wait at least.", example: 2 }),
  state: documented(z.enum(["Stopped", "Running"]).default("Stopped"), {
    description: "How they wait. Running machines cost as much as working ones.",
    example: "Running",
  }),
});

const pool = z.strictObject({
  min: documented(wholeNumber(0, 10_000).default(0), {
    description: "Least number of machines. With `schedules` it counts for a new pool only.",
    change: IN_PLACE,
    example: 1,
  }),
  max: documented(wholeNumber(0, 10_000).default(1), {
    description: "Largest number of machines. With `schedules` it counts for a new pool only.",
    change: {
      aws: { pools: "in place" },
      note: "A pool is one Auto Scaling group for every 500 of these. The first keeps its name and its machines; each gets its share of the sizes, so that a new one starts machines while another ends some.",
    },
    example: 60,
  }),
  desired: documented(wholeNumber(0, 10_000).optional(), {
    description: "Machines to have, from `min` to `max`. With `schedules` it counts for a new pool only.",
    fallback: "not set by the program: schedules, operators and scaling decide",
    change: IN_PLACE,
    example: 3,
  }),
  instanceType: documented(z.string().optional(), {
    description: "Instance type of the pool's machines.",
    fallback: "`cloister:instanceType`",
    change: { aws: { pools: "new machine" } },
    example: "m8g.xlarge",
  }),
  schedules: documented(z.record(nameSchema, schedule).default({}), {
    description: "Other sizes at certain times, by name.",
    change: { ...IN_PLACE, note: "A changed schedule is deleted and made again." },
    example: { day: { cron: "0 7 * * 1-5", min: 12, max: 60, desired: 12 } },
  }),
  spot: documented(spot.optional(), {
    description: "Spot machines, beside on-demand ones for a base and a share. Not together with `warmPool`.",
    fallback: "on-demand machines only",
    change: {
      aws: { pools: "new machine" },
      note: "Machines that already are as they shall be stay. A change of the base or the share counts for machines that start from then on.",
    },
    example: { onDemandBase: 1, instanceTypes: ["m8g.xlarge"] },
  }),
  warmPool: documented(warmPool.optional(), {
    description: "Machines that are started ahead and wait. On a baked image they may cost time: measure before use.",
    fallback: "none wait",
    change: IN_PLACE,
    example: { minSize: 2 },
  }),
  drainSeconds: documented(wholeNumber(30, 7200).default(POOL.drainSeconds), {
    description: "Time that a stopping machine has for commands that still run.",
    unit: "seconds",
    change: { aws: { pools: "new machine" } },
    example: 3600,
  }),
});

const machine = z.strictObject({
  zone: documented(z.string().optional(), {
    description: "Zone of the machine and its session disk, one of `cloister:zones`.",
    fallback: "chosen by the machine's name",
    change: {
      aws: { machines: "new disk" },
      note: "A disk cannot move between zones. With `onDestroy: refuse` the change is refused.",
    },
    example: "eu-central-1b",
  }),
  instanceType: documented(z.string().optional(), {
    description: "Instance type of the machine.",
    fallback: "`cloister:instanceType`",
    change: { aws: { machines: "new machine" } },
    example: "r8g.large",
  }),
  sessionDiskGiB: documented(wholeNumber(1, 16_384).optional(), {
    description: "Size of the session disk. It can grow; AWS refuses less than there is.",
    unit: "GiB",
    fallback: "`cloister:sessionDiskGiB`",
    change: {
      aws: { machines: "in place" },
      note: "The disk grows at once, what is on it with the next start of the machine, or by hand without one (docs/aws-reference.md). A change below 10 is a new machine, with the same session disk.",
    },
    example: 40,
  }),
  was: documented(nameSchema.optional(), {
    description: "The name that the machine had before. It keeps that one's session disk, and lies in its zone.",
    fallback: "no machine's successor",
    change: {
      aws: { machines: "new machine" },
      note: "After the `pulumi up` it may be removed, if `zone` says where the disk lies.",
    },
    example: "one",
  }),
});

const ami = z.strictObject({
  id: documented(
    z.string().regex(/^ami-[0-9a-f]{8,17}$/, { error: "must be an AMI's id, such as ami-0123456789abcdef0" }),
    { description: "Id of the image.", example: "ami-0123456789abcdef0" },
  ),
  region: documented(z.string(), {
    description: "Region of the image; that of the stack.",
    change: IN_PLACE,
    example: "eu-central-1",
  }),
  architecture: documented(z.string(), { description: "Always `arm64`.", change: IN_PLACE, example: "arm64" }),
  owner: documented(z.string(), {
    description: "Account that publishes it: Canonical's, `099720109477` (in GovCloud `513442679011`).",
    change: IN_PLACE,
    example: "099720109477",
  }),
  name: documented(z.string(), {
    description: "Name of the image, of Ubuntu 22.04 or 24.04: it tells which.",
    change: IN_PLACE,
    example: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260101",
  }),
});
const AMI_EXAMPLE = {
  id: "ami-0123456789abcdef0",
  region: "eu-central-1",
  architecture: "arm64",
  owner: "099720109477",
  name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260101",
};

const existing = z.strictObject({
  vpcId: documented(z.string(), { description: "Id of the VPC.", example: "vpc-0123456789abcdef0" }),
  subnetIds: documented(z.record(z.string(), z.string()), {
    description: "Id of a private subnet in each of `cloister:zones`, by zone.",
    change: { aws: { machines: "new machine", pools: "in place" } },
    example: { "eu-central-1a": "subnet-0aaaaaaaaaaaaaaaa", "eu-central-1b": "subnet-0bbbbbbbbbbbbbbbb" },
  }),
  cidr: documented(z.string(), {
    description: "IPv4 range of the VPC, in which machines ask for names.",
    change: IN_PLACE,
    example: "10.0.0.0/16",
  }),
});

const network = z.strictObject({
  cidr: documented(z.string().default(NETWORK.cidr), {
    description: "IPv4 range of the VPC: private (RFC 1918), /16 to /22, starting at its first address.",
    change: { ...ANEW, note: "The VPC and all that is in it is made anew. Session disks of named machines stay." },
    example: "10.22.0.0/16",
  }),
  nat: documented(z.enum(["none", "single", "per-zone"]).default(NETWORK.nat), {
    description:
      "Way out to the internet. `single`: one NAT gateway, about 33 dollars a month and traffic. `per-zone`: one in each zone, which survives the loss of a zone. `none`: no way out; needs `ssmEndpoints`, and an `aptMirror` that the VPC leads to.",
    change: IN_PLACE,
    example: "per-zone",
  }),
  ssmEndpoints: documented(z.boolean().default(NETWORK.ssmEndpoints), {
    description:
      "Private way to SSM (and with `nat: none` to logs, secret and signals), about 7 dollars a month per endpoint and zone.",
    change: IN_PLACE,
    example: true,
  }),
  flowLogs: documented(z.boolean().default(true), {
    description: "Keeps a log of all connections in the VPC.",
    change: { ...IN_PLACE, note: "The log group stays with what is in it." },
    example: false,
  }),
  dnsFirewall: documented(z.array(z.string()).default([]), {
    description:
      "The only domains that resolve in the VPC, such as `api.anthropic.com` or `*.ubuntu.com`, beside AWS's own of the region. Empty: all. It must have the host of `aptMirror`.",
    change: { ...IN_PLACE, note: "It counts for look-ups from then on, also those of running sessions." },
    example: ["api.anthropic.com", "ports.ubuntu.com"],
  }),
  peerCidrs: documented(z.array(z.string()).default([]), {
    description: "IPv4 ranges that `cidr` must not overlap. Nothing is made of them.",
    change: IN_PLACE,
    example: ["10.20.0.0/20"],
  }),
  existing: documented(existing.optional(), {
    description: "A VPC of your own, with a private subnet in every zone. Its routes and endpoints are yours.",
    fallback: "the stack makes a VPC",
    change: { ...ANEW, note: "Session disks of named machines stay." },
    example: {
      vpcId: "vpc-0123456789abcdef0",
      cidr: "10.0.0.0/16",
      subnetIds: { "eu-central-1a": "subnet-0aaaaaaaaaaaaaaaa", "eu-central-1b": "subnet-0bbbbbbbbbbbbbbbb" },
    },
  }),
});

const snapshots = z.strictObject({
  everyHours: documented(
    z.union([z.literal(2), z.literal(4), z.literal(6), z.literal(8), z.literal(12), z.literal(24)]).default(24),
    { description: "Time between two snapshots.", unit: "hours", example: 12 },
  ),
  keep: documented(wholeNumber(1, 1000).default(7), {
    description: "Snapshots to keep of each disk. The oldest go.",
    example: 30,
  }),
});

const MONEY = "must be a number of dollars, from 0.01 to 1000000000";

const budget = z.strictObject({
  monthlyUSD: documented(z.number({ error: MONEY }).min(0.01, { error: MONEY }).max(1_000_000_000, { error: MONEY }), {
    description: "Limit for a month, for all that carries the stack's tag.",
    unit: "US dollars",
    example: 250,
  }),
  email: documented(z.email({ error: "must be an address, to which warnings go" }), {
    description: "Address that hears of 80 % spent, and of a forecast above 100 %.",
    example: "someone@example.com",
  }),
});

const alerts = z.strictObject({
  email: documented(z.email({ error: "must be an address, to which alarms go" }), {
    description:
      "Address that hears of alarms, once somebody has confirmed the mail that AWS sends to it. Each `up` and preview says so while nobody has, as AWS said when it was last asked (`pulumi up --refresh`).",
    example: "someone@example.com",
  }),
});

/** Days that CloudWatch Logs takes. */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const MIRROR = "must be an https address such as https://ports.ubuntu.com/ubuntu-ports: machines reach port 443 only";

const aws = inGroup("AWS target");

export const awsKeys = {
  region: aws(
    z
      .string()
      .regex(/^([a-z]{2}(-[a-z]+)+-\d)?$/, { error: "must be a region's name, such as eu-central-1" })
      .default(""),
    {
      description: "Region of everything. Credentials come from the usual chain of AWS's SDKs.",
      onAws: "Required.",
      change: {
        aws: "new disk",
        note: "Everything is made anew there. With `onDestroy: refuse` the change is refused. Make another stack instead.",
      },
      example: "eu-central-1",
    },
  ),
  accountId: aws(
    z
      .string({ error: "must be an account's 12 digits, in quotes" })
      .regex(/^(\d{12})?$/, { error: "must be an account's 12 digits, in quotes" })
      .default(""),
    {
      description:
        "The account of the stack, by its 12 digits. With credentials for another one, `preview`, `up`, `refresh` and `destroy` end before they look at anything.",
      fallback: "the account of whoever runs Pulumi",
      change: IN_PLACE,
      example: "123456789012",
    },
  ),
  zones: aws(z.array(z.string()).default([]), {
    description: "Two or three availability zones, by name.",
    fallback: "the first two of the region, `a` and `b`",
    change: {
      aws: "in place",
      note: "Their order means nothing: a zone's range in the VPC goes by its letter. A named machine without a `zone` may get another one when zones come or go: that is a new disk, refused with `onDestroy: refuse`. Write the `zone` of machines that shall stay.",
    },
    example: ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
  }),
  instanceType: aws(z.string().default("c8g.xlarge"), {
    description:
      "Instance type of machines. Graviton4 (c8g, m8g, r8g) is the first generation with every CPU feature of the reference; older ones are refused.",
    change: ANEW,
    example: "m8g.xlarge",
  }),
  ami: aws(ami.nullable().default(null), {
    description:
      "The pinned image of Ubuntu, 22.04 or 24.04. `npm run aws:ami -- --stack NAME [--release ubuntu-24.04]` writes it.",
    onAws: "Required.",
    change: ANEW,
    example: AMI_EXAMPLE,
  }),
  network: aws(network.prefault({}), {
    description: "The network of the stack.",
    change: { ...IN_PLACE, note: "Except for `cidr` and `existing`." },
    example: { cidr: "10.22.0.0/16", nat: "per-zone", ssmEndpoints: true },
  }),
  machines: aws(z.record(nameSchema, machine).default({}), {
    description:
      "Named machines. A machine's session disk outlives it. A stack needs one of these, or a pool; no name may be in both.",
    change: {
      aws: "in place",
      note: "A new name adds a machine. A name that goes takes its machine along, and its session disk: refused with `onDestroy: refuse`. Another name is another machine, unless `was` says whose successor it is.",
    },
    example: { one: {}, two: { zone: "eu-central-1b", sessionDiskGiB: 40 } },
  }),
  pools: aws(z.record(nameSchema, pool).default({}), {
    description: "Pools of interchangeable machines. Their session disks go with them.",
    change: { aws: "in place", note: "A new name adds a pool. A name that goes takes its machines along." },
    example: { workers: { min: 3, max: 60 } },
  }),
  snapshots: aws(snapshots.prefault({}), {
    description: "Snapshots of the session disks of named machines.",
    change: IN_PLACE,
    example: { everyHours: 12, keep: 30 },
  }),
  logRetentionDays: aws(z.union(RETENTION_DAYS.map((days) => z.literal(days))).default(30), {
    description: "Time that logs are kept. CloudWatch Logs deletes what is older.",
    unit: "days",
    change: IN_PLACE,
    example: 365,
  }),
  budget: aws(budget.nullable().default(null), {
    description: "Monthly budget. It warns, and stops nothing.",
    fallback: "none",
    change: IN_PLACE,
    example: { monthlyUSD: 250, email: "someone@example.com" },
  }),
  alerts: aws(alerts.nullable().default(null), {
    description:
      "Alarms to somebody: a named machine fails its instance check, a pool has been smaller than it shall be for half an hour, no log rows came for an hour.",
    fallback: "nobody is told",
    change: IN_PLACE,
    example: { email: "someone@example.com" },
  }),
  onDestroy: aws(z.enum(["refuse", "keep-data", "delete-data"]).default("refuse"), {
    description:
      "What `pulumi destroy` does with session disks, logs, bucket, secret and key. `refuse`: nothing goes, and nothing that would delete them is done. `keep-data`: they stay in the account. `delete-data`: they go too.",
    change: { ...IN_PLACE, note: "It counts from the `pulumi up` after the change." },
    example: "keep-data",
  }),
  terminationProtection: aws(z.boolean().default(false), {
    description: "EC2 refuses to terminate named machines for others than this program.",
    change: { aws: { machines: "new machine" } },
    example: true,
  }),
  aptMirror: aws(
    z
      .string()
      .regex(/^https:\/\/[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(:\d+)?(\/[A-Za-z0-9._~/-]*)?$/, { error: MIRROR })
      .refine((address) => URL.canParse(address), { error: MIRROR })
      .default(PUBLIC_MIRROR),
    {
      description:
        "Mirror of Ubuntu's packages for arm64, from which machines install what their image lacks at first boot. https only. With `network.nat: none` it must be one that the VPC leads to, such as a bucket of the region.",
      change: ANEW,
      example: "https://mirror.example.com/ubuntu-ports",
    },
  ),
  logsRequired: aws(z.boolean().default(false), {
    description:
      "`true`: a machine whose logs are not shipped to CloudWatch Logs is not ready, and takes no sealed commands. `false`: it is ready, and says so on its console.",
    change: ANEW,
    example: true,
  }),
  detailedMonitoring: aws(z.boolean().default(false), {
    description: "Metrics of machines each minute instead of every five.",
    change: ANEW,
    example: true,
  }),
  permissionsBoundary: aws(
    z
      .string()
      .regex(/^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/.+)?$/, { error: "must be the ARN of an IAM policy" })
      .default(""),
    {
      description: "ARN of a policy that bounds every role of the stack.",
      fallback: "none",
      change: IN_PLACE,
      example: "arn:aws:iam::123456789012:policy/boundary",
    },
  ),
  modelKeySecret: aws(
    z
      .string()
      .regex(/^(arn:aws[a-z-]*:secretsmanager:.+)?$/, { error: "must be the ARN of a Secrets Manager secret" })
      .default(""),
    {
      description:
        "ARN of the secret that holds the model's key. Empty: the stack makes one without a value; put it there by hand, so that no key is in Pulumi's state.",
      change: {
        ...ANEW,
        note: "The secret that the stack made goes with its value when another is named; with `onDestroy: refuse` that is refused.",
      },
      example: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-key-AbCdEf",
    },
  ),
  tags: aws(z.record(z.string().min(1).max(128), z.string().max(256)).default({}), {
    description:
      "Tags of everything, beside `cloister:stack`, and `cloister:machine` or `cloister:pool` on machines. Keys begin neither with `aws:` nor `cloister:`; with pools they have letters, digits and `+ - = . _ : @` only.",
    change: ANEW,
    example: { team: "platform" },
  }),
} as const;
