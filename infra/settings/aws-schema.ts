import { z } from "zod";
import { documented, wholeNumber } from "./keys.ts";

/** The keys of the AWS target. Rules that tie several together are in `infra/aws/plan/problems.ts`. */

/** Ubuntu's own mirror for arm64. */
export const PUBLIC_MIRROR = "https://ports.ubuntu.com/ubuntu-ports";

const NAME = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;
const nameSchema = z.string().regex(NAME, {
  error: "must be a name of 1 to 32 lower-case letters, digits or hyphens, a letter first, no hyphen last",
});

const spot = z.strictObject({
  /** Machines that are always on-demand; the rest follow the percentage. */
  onDemandBase: wholeNumber(0, 500).default(0),
  /** Part of the others that is on-demand, in percent. */
  onDemandPercent: wholeNumber(0, 100).default(0),
  /** Further types that will do where the first has no Spot capacity. */
  instanceTypes: z.array(z.string()).default([]),
});

const schedule = z.strictObject({
  /** Cron expression of five fields. */
  cron: z.string().regex(/^(\S+ ){4}\S+$/, { error: "must be a cron expression of five fields" }),
  timeZone: z.string().default("Etc/UTC"),
  min: wholeNumber(0, 10_000),
  max: wholeNumber(0, 10_000),
  desired: wholeNumber(0, 10_000),
});

const pool = z.strictObject({
  min: wholeNumber(0, 10_000).default(0),
  max: wholeNumber(0, 10_000).default(1),
  desired: wholeNumber(0, 10_000).optional(),
  instanceType: z.string().optional(),
  schedules: z.record(nameSchema, schedule).default({}),
  spot: spot.optional(),
  warmPool: z
    .strictObject({ minSize: wholeNumber(0, 500).default(0), state: z.enum(["Stopped", "Running"]).default("Stopped") })
    .optional(),
  /** Seconds that a stopping machine may spend on commands that still run. */
  drainSeconds: wholeNumber(30, 7200).default(900),
});

const machine = z.strictObject({
  zone: z.string().optional(),
  instanceType: z.string().optional(),
  sessionDiskGiB: wholeNumber(1, 16_384).optional(),
});

const ami = z.strictObject({
  id: z.string().regex(/^ami-[0-9a-f]{8,17}$/, { error: "must be an AMI's id, such as ami-0123456789abcdef0" }),
  region: z.string(),
  architecture: z.string(),
  owner: z.string(),
  name: z.string(),
});

const aws = <T extends z.ZodType>(schema: T, description: string): T => documented(schema, "AWS target", description);

export const awsKeys = {
  region: aws(
    z
      .string()
      .regex(/^([a-z]{2}(-[a-z]+)+-\d)?$/, { error: "must be a region's name, such as eu-central-1" })
      .default(""),
    "Region of everything. Required on the AWS target; credentials come from the usual chain of AWS's SDKs.",
  ),
  zones: aws(
    z.array(z.string()).default([]),
    "Two or three availability zones, by name. Empty: the first two of the region (`a` and `b`).",
  ),
  instanceType: aws(
    z.string().default("c8g.xlarge"),
    "Instance type of machines. Graviton4 (c8g, m8g, r8g) is the first generation with every CPU feature of the reference.",
  ),
  ami: aws(
    ami.nullable().default(null),
    "The pinned image: id, region, architecture, owner, name. `npm run ami -- --stack NAME` writes it.",
  ),
  network: aws(
    z
      .strictObject({
        cidr: z.string().default("10.20.0.0/16"),
        nat: z.enum(["none", "single", "per-zone"]).default("single"),
        ssmEndpoints: z.boolean().default(false),
        flowLogs: z.boolean().default(true),
        dnsFirewall: z.array(z.string()).default([]),
        peerCidrs: z.array(z.string()).default([]),
        existing: z
          .strictObject({ vpcId: z.string(), subnetIds: z.record(z.string(), z.string()), cidr: z.string() })
          .optional(),
      })
      .prefault({}),
    "The network: `cidr`, `nat` (`none`, `single`, `per-zone`), `ssmEndpoints`, `flowLogs`, `dnsFirewall` (the only domains that resolve), `peerCidrs` (ranges that it must not overlap), or `existing` (`vpcId`, `cidr`, `subnetIds` by zone).",
  ),
  machines: aws(
    z.record(nameSchema, machine).default({}),
    "Named machines: name, and `zone`, `instanceType`, `sessionDiskGiB` of each. A machine's session disk outlives it.",
  ),
  pools: aws(
    z.record(nameSchema, pool).default({}),
    "Pools: name, and `min`, `max`, `desired`, `instanceType`, `schedules`, `spot`, `warmPool`, `drainSeconds` of each.",
  ),
  snapshots: aws(
    z
      .strictObject({
        everyHours: z
          .union([z.literal(2), z.literal(4), z.literal(6), z.literal(8), z.literal(12), z.literal(24)])
          .default(24),
        keep: wholeNumber(1, 1000).default(7),
      })
      .prefault({}),
    "Snapshots of the session disks of named machines: `everyHours` and how many to `keep`.",
  ),
  logRetentionDays: aws(
    z
      .union(
        [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653].map(
          (d) => z.literal(d),
        ),
      )
      .default(30),
    "Days that logs are kept, one of those that CloudWatch Logs takes.",
  ),
  budget: aws(
    z
      .strictObject({
        monthlyUSD: z.number({ error: "must be a number of dollars" }).positive(),
        email: z.email({ error: "must be an address, to which warnings go" }),
      })
      .nullable()
      .default(null),
    "Monthly budget: `monthlyUSD`, and the `email` that hears of 80 % and of the forecast's 100 %.",
  ),
  onDestroy: aws(
    z.enum(["refuse", "keep-data", "delete-data"]).default("refuse"),
    "What `pulumi destroy` does with session disks, logs, bucket and key. `refuse`: nothing goes. `keep-data`: they stay in the account. `delete-data`: they go too. Takes effect by `pulumi up`.",
  ),
  terminationProtection: aws(
    z.boolean().default(false),
    "Whether EC2 refuses to terminate named machines for others than this program.",
  ),
  aptMirror: aws(
    z
      .string()
      .regex(/^https:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~/-]*)?$/, {
        error: "must be an https address such as https://ports.ubuntu.com/ubuntu-ports: machines reach port 443 only",
      })
      .default(PUBLIC_MIRROR),
    "Mirror of Ubuntu's packages for arm64, from which machines install what their image lacks at first boot. https only. With `network.nat: none` it must be one that the VPC leads to, such as a bucket of the region.",
  ),
  logsRequired: aws(
    z.boolean().default(false),
    "Whether a machine whose logs are not shipped to CloudWatch Logs is not ready. Such a machine takes no sealed commands. `false`: it is ready, and says so on its console.",
  ),
  detailedMonitoring: aws(z.boolean().default(false), "Metrics of machines each minute instead of every five."),
  permissionsBoundary: aws(
    z
      .string()
      .regex(/^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/.+)?$/, { error: "must be the ARN of an IAM policy" })
      .default(""),
    "ARN of a policy that bounds every role of the stack. Empty: none.",
  ),
  modelKeySecret: aws(
    z
      .string()
      .regex(/^(arn:aws[a-z-]*:secretsmanager:.+)?$/, { error: "must be the ARN of a Secrets Manager secret" })
      .default(""),
    "ARN of the secret that holds the model's key. Empty: the stack makes one without a value; put it there by hand, so that no key is in Pulumi's state.",
  ),
  tags: aws(
    z.record(z.string().min(1).max(128), z.string().max(256)).default({}),
    "Tags of everything, beside `cloister:stack`, and `cloister:machine` or `cloister:pool` on machines. With pools, keys have letters, digits and `+ - = . , _ : @` only.",
  ),
} as const;
