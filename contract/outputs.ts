import { z } from "zod";

/** A verification in brief. The whole report is in the state folder of a local machine. */
const Verification = z.object({
  ok: z.boolean(),
  rows: z.number(),
  /** Rows whose promise is kept. */
  kept: z.number(),
  /** Rows that differ from the reference without being held against this target, by id. */
  differs: z.array(z.string()).readonly(),
});
export type VerificationSummary = Readonly<z.infer<typeof Verification>>;

/** The outputs of a local stack. */
export const LocalOutputs = z.object({
  target: z.literal("local"),
  /** Folder of the machine's files, absolute. */
  stateDirectory: z.string(),
  /** Command line that leads into the machine. */
  ssh: z.string(),
  verification: Verification,
  /** The accelerator that runs its CPUs, and the reason for the choice. */
  accelerator: z.string(),
  /** The program that carries its network, and the promises that it cannot keep. */
  network: z.string(),
  /** The operating system's image that it was made from, and the reason for the choice. */
  baseImage: z.string(),
  /** `sha256:` and the digest of its runtime image. */
  runtimeImage: z.string(),
});
export type LocalOutputs = z.infer<typeof LocalOutputs>;

/** The outputs of a container stack. */
export const ContainerOutputs = z.object({
  target: z.literal("container"),
  /** The engine that runs it: `podman` or `docker`. */
  engine: z.string(),
  image: z.string(),
  /** Name of the container. */
  container: z.string(),
  containerId: z.string(),
  verification: Verification,
});
export type ContainerOutputs = z.infer<typeof ContainerOutputs>;

const NamedMachine = z.object({
  instanceId: z.string(),
  /** Command line that leads into the machine. */
  shellCommand: z.string(),
  sessionVolumeId: z.string(),
  templateVersion: z.number(),
});

/** One Auto Scaling group of a pool. */
const PoolGroup = z.object({ group: z.string(), templateVersion: z.number() });

const Pool = z.object({
  groups: z.array(PoolGroup),
  /** Least time until all machines are started with EC2's default limits, in seconds. */
  startSeconds: z.number(),
});

/** The outputs of a stack on AWS. */
export const AwsOutputs = z.object({
  target: z.literal("aws"),
  region: z.string(),
  /** The account that it is in. */
  accountId: z.string(),
  /** The named machines, by name. */
  machines: z.record(z.string(), NamedMachine),
  pools: z.record(z.string(), Pool),
  logGroups: z.object({ system: z.string(), audit: z.string(), flow: z.string() }),
  /** Address of the dashboard. */
  dashboard: z.string(),
  /** ARN of the secret with the model's key. */
  modelKeySecret: z.string(),
  /** What another stack may refer to. A stack that an older program made last has none. */
  resources: z
    .object({
      vpcId: z.string(),
      /** By zone. */
      subnetIds: z.record(z.string(), z.string()),
      /** The machines' own. */
      securityGroupId: z.string(),
      keyArn: z.string(),
      bucket: z.string(),
      /** ARN of the role of machines. */
      machineRoleArn: z.string(),
    })
    .optional(),
  /** US dollars a month, without traffic. A sum with a price that is not known is not there. */
  monthlyEstimateUSD: z.object({
    /** With pools as their schedules have them, on average. */
    total: z.number().optional(),
    least: z.number().optional(),
    most: z.number().optional(),
    lines: z.array(z.object({ what: z.string(), usd: z.number() })).readonly(),
  }),
});
export type AwsOutputs = z.infer<typeof AwsOutputs>;

const OperatorLocal = LocalOutputs.pick({
  target: true,
  stateDirectory: true,
  accelerator: true,
  runtimeImage: true,
  verification: true,
});

const OperatorContainer = ContainerOutputs.omit({ containerId: true });

const OperatorAws = AwsOutputs.pick({ target: true, region: true }).extend({
  accountId: AwsOutputs.shape.accountId.optional(),
  modelKeySecret: AwsOutputs.shape.modelKeySecret.optional(),
  // A stack that is found by its tags tells no version.
  machines: z.record(
    z.string(),
    NamedMachine.pick({ instanceId: true }).extend({ templateVersion: NamedMachine.shape.templateVersion.optional() }),
  ),
  pools: z.record(z.string(), Pool.pick({ groups: true })),
});

/** The outputs of a stack that the operator's command needs. A stack of another version may lack the others. */
export const OperatorOutputs = z.discriminatedUnion("target", [OperatorLocal, OperatorContainer, OperatorAws]);
export type OperatorOutputs = z.infer<typeof OperatorOutputs>;
export type OperatorLocalOutputs = z.infer<typeof OperatorLocal>;
export type OperatorContainerOutputs = z.infer<typeof OperatorContainer>;
export type OperatorAwsOutputs = z.infer<typeof OperatorAws>;
