import type { Instance } from "@aws-sdk/client-ec2";
import type { OperatorAwsOutputs } from "../../contract/outputs.ts";
import type { MachineStatus, Verification } from "../fleet.ts";
import type { GroupMember } from "./describe.ts";

/** The facts about a stack that are known besides an instance itself. */
export interface Surroundings {
  readonly outputs: OperatorAwsOutputs;
  /** Members of Auto Scaling groups, by instance. */
  readonly groups: ReadonlyMap<string, GroupMember>;
  /** The states of SSM's agents, by instance; undefined when SSM does not answer us. */
  readonly pings: ReadonlyMap<string, string> | undefined;
}

/** One instance, as `cloister ls` shows it. */
export function machineStatus(instance: Instance, { outputs, groups, pings }: Surroundings): MachineStatus {
  const id = instance.InstanceId ?? "";
  const tag = (key: string): string | undefined => instance.Tags?.find(({ Key }) => Key === key)?.Value;
  const pool = tag("cloister:pool");
  const name = pool === undefined ? (tag("cloister:machine") ?? id) : id;
  const member = groups.get(id);
  const state = instance.State?.Name ?? "unknown";
  const ping = pings ? (pings.get(id)?.toLowerCase() ?? "never seen") : "does not say";
  // EC2 itself writes the template's version into this tag of every instance that came from one.
  const version = Number(member?.LaunchTemplate?.Version ?? tag("aws:ec2launchtemplate:version"));
  const wanted = member?.wanted ?? currentVersion(pool, name, tag("aws:autoscaling:groupName"), outputs);
  const lifecycle = member?.LifecycleState;
  return {
    name,
    ...(pool === undefined ? {} : { pool }),
    state,
    template: Number.isNaN(version) ? "" : `v${version}`,
    ...(Number.isNaN(version) || wanted === undefined ? {} : { current: version === wanted }),
    verification: verification(state, pool, lifecycle),
    remarks: [
      ...(name === id ? [] : [id]),
      ...(instance.Placement?.AvailabilityZone ? [instance.Placement.AvailabilityZone] : []),
      ...(instance.InstanceType ? [instance.InstanceType] : []),
      ...(instance.InstanceLifecycle === "spot" ? ["spot"] : []),
      ...(lifecycle ? [lifecycle] : []),
      ...(member?.ProtectedFromScaleIn ? ["protected from scale-in"] : []),
      `SSM ${ping}`,
    ],
    ...(state === "running" ? {} : { help: helpFor(state, id, pool, outputs.region) }),
  };
}

/** The status of a named machine that EC2 does not know. */
export function missingMachine(name: string, stack: string): MachineStatus {
  return {
    name,
    state: "gone",
    template: "",
    verification: { verdict: "unknown", by: "it is not there" },
    remarks: ["in the stack, but not in EC2"],
    help: `Bring it back: npm run -s pulumi -- up --refresh --stack ${stack}`,
  };
}

/** The instance behind a machine's name. */
export function instanceOf({ name, pool }: MachineStatus, outputs: OperatorAwsOutputs): string {
  return (pool === undefined ? outputs.machines[name]?.instanceId : undefined) ?? name;
}

/**
 * The verdict of a verification, as far as it is known without asking the machine. A pool's machine comes into service
 * when it completes its launch hook, and it does so only when its verification passed (`infra/aws/machines/pool.ts`).
 * AWS holds no verdict of a named machine: its role may write no tag.
 */
function verification(state: string, pool: string | undefined, lifecycle: string | undefined): Verification {
  if (state !== "running" || lifecycle === undefined) {
    return { verdict: "unknown", by: state === "running" ? "ask it: ls --ask" : "it does not run" };
  }
  if (pool !== undefined && /^Pending/.test(lifecycle))
    return { verdict: "pending", by: "its launch hook waits for it" };
  // A machine of a warm pool has passed its hook as well, but may have been started since.
  if (/^(InService|EnteringStandby|Standby)$/.test(lifecycle))
    return { verdict: "passed", by: "at its launch: its hook is completed" };
  return { verdict: "unknown", by: "ask it: ls --ask" };
}

function currentVersion(
  pool: string | undefined,
  name: string,
  group: string | undefined,
  { machines, pools }: OperatorAwsOutputs,
): number | undefined {
  if (pool === undefined) return machines[name]?.templateVersion;
  return pools[pool]?.groups.find((one) => one.group === group)?.templateVersion;
}

function helpFor(state: string, id: string, pool: string | undefined, region: string): string {
  if (state === "pending") return "It boots: try again in a minute.";
  if (pool !== undefined || state === "shutting-down") return "Its group replaces it: choose another one.";
  if (state === "stopping") return "Start it when it has stopped.";
  return `Start it: aws ec2 start-instances --region ${region} --instance-ids ${id}`;
}
