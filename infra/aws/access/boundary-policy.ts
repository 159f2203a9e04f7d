/**
 * `npm run -s aws:boundary-policy -- REGION`: prints a policy that bounds every role of this program (`cloister:permissionsBoundary`):
 * what they do today on anything that bears this program's names, in one region. A role gets what its own policy and the boundary
 * both allow (IAM user guide, "Permissions boundaries for IAM entities").
 */
import { Command } from "commander";
import { partitionOf } from "../partition.ts";
import { flowLogPolicy, machinePolicy, type PolicyDocument, snapshotPolicy } from "./policies.ts";

/** The boundary for all stacks of a region. */
export function boundaryPolicy(region: string): PolicyDocument {
  const partition = partitionOf(region);
  const at = (service: string, rest: string) => `arn:${partition}:${service}:${region}:*:${rest}`;
  const logGroups = at("logs", "log-group:/cloister/*");
  const machine = machinePolicy({
    bucketArn: `arn:${partition}:s3:::cloister-*`,
    keyArn: at("kms", "key/*"),
    logGroupArns: [logGroups],
    // One of your own (`cloister:modelKeySecret`) has a name of your own.
    modelKeySecretArn: at("secretsmanager", "secret:*"),
    groupArns: at("autoscaling", "autoScalingGroup:*:autoScalingGroupName/cloister-*"),
    stack: "*",
    region,
  });
  const snapshots = snapshotPolicy(region, partition, at("kms", "key/*"));
  const parts = { Machine: machine, FlowLogs: flowLogPolicy(logGroups), Snapshots: snapshots };
  return {
    Version: "2012-10-17",
    Statement: Object.entries(parts).flatMap(([part, { Statement }]) =>
      Statement.map((statement) => ({
        ...statement,
        Sid: `${part}${statement.Sid}`,
        // Resources of any stack.
        ...(statement.Sid === "LifeCycle"
          ? { Condition: { StringLike: { "aws:ResourceTag/cloister:stack": "*" } } }
          : {}),
      })),
    ),
  };
}

if (process.argv[1] === import.meta.filename) {
  const command = new Command("npm run aws:boundary-policy --")
    .description("Prints an IAM policy that bounds the roles of all stacks in a region.")
    .argument("<region>", "region of the stacks, such as eu-central-1")
    .parse();
  console.log(JSON.stringify(boundaryPolicy(command.args[0] ?? ""), undefined, 2));
}
