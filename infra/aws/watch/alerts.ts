import { MetricAlarm } from "@pulumi/aws/cloudwatch/metricAlarm.js";
import { Topic } from "@pulumi/aws/sns/topic.js";
import { TopicSubscription } from "@pulumi/aws/sns/topicSubscription.js";
import * as pulumi from "@pulumi/pulumi";
import type { Tags } from "../tags.ts";

/** Arguments of {@link Alerts}. */
export interface AlertsArgs {
  /** Address that hears of them, once it has confirmed AWS's mail. */
  readonly email: string;
  readonly machines: readonly { readonly machine: string; readonly instanceId: pulumi.Input<string> }[];
  /** Names of the Auto Scaling groups. */
  readonly groups: readonly string[];
  /** Log groups that machines always write to. @default none: a stack may have no machine for a time */
  readonly logGroups?: readonly { readonly name: string; readonly group: pulumi.Input<string> }[];
  readonly tags?: Tags;
}

/** Time after which a pool that is smaller than it shall be is told. Machines take some minutes to verify themselves. */
const SMALL = { period: 300, evaluationPeriods: 6 } as const;

/**
 * Tells somebody: of a named machine that fails its instance check, of a pool that has been smaller than it shall be for half
 * an hour (its machines fail their verification, or there is no capacity), and of log groups to which nothing comes.
 */
export class Alerts extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;
  /** What to say while nobody has confirmed AWS's mail; undefined once somebody has. As it was when AWS was last asked. */
  readonly unconfirmed: pulumi.Output<string | undefined>;

  constructor(name: string, args: AlertsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Alerts", name, {}, opts);
    const parent = { parent: this };
    const tags = { ...args.tags };
    // Not encrypted by the stack's key: CloudWatch would need a right on it, and its messages have names and numbers only.
    const topic = new Topic(`${name}-alerts`, { tags }, parent);
    const subscription = new TopicSubscription(
      `${name}-alerts`,
      { topic: topic.arn, protocol: "email", endpoint: args.email },
      parent,
    );
    this.unconfirmed = subscription.pendingConfirmation.apply((pending) =>
      pending === true
        ? `cloister:alerts: nobody hears of alarms until ${args.email} confirms the mail that AWS sent there. AWS forgets it after some days; pulumi up --refresh asks AWS again, and has it send another where it has.`
        : undefined,
    );
    const told = { alarmActions: [topic.arn], okActions: [topic.arn], tags };
    for (const { machine, instanceId } of args.machines) {
      new MetricAlarm(
        `${machine}-check`,
        {
          alarmDescription: `${machine} fails EC2's instance check: look at its console`,
          namespace: "AWS/EC2",
          metricName: "StatusCheckFailed_Instance",
          dimensions: { InstanceId: instanceId },
          statistic: "Maximum",
          period: 60,
          evaluationPeriods: 5,
          threshold: 1,
          comparisonOperator: "GreaterThanOrEqualToThreshold",
          ...told,
        },
        parent,
      );
    }
    for (const group of args.groups) this.#small(group, told);
    for (const { name: part, group } of args.logGroups ?? []) {
      new MetricAlarm(
        `${name}-${part}-silent`,
        {
          alarmDescription: `Nothing came to the log group ${part} for an hour: machines do not ship their logs`,
          namespace: "AWS/Logs",
          metricName: "IncomingLogEvents",
          dimensions: { LogGroupName: group },
          statistic: "Sum",
          period: 3600,
          evaluationPeriods: 1,
          threshold: 1,
          comparisonOperator: "LessThanThreshold",
          treatMissingData: "breaching",
          ...told,
        },
        parent,
      );
    }
    this.topicArn = topic.arn;
    this.registerOutputs({ topicArn: this.topicArn });
  }

  #small(
    group: string,
    told: Readonly<Record<"alarmActions" | "okActions", pulumi.Output<string>[]>> & { readonly tags: Tags },
  ): void {
    const metric = (id: string, metricName: string) => ({
      id,
      metric: {
        namespace: "AWS/AutoScaling",
        metricName,
        dimensions: { AutoScalingGroupName: group },
        period: SMALL.period,
        stat: "Average",
      },
    });
    new MetricAlarm(
      `${group}-small`,
      {
        alarmDescription: `${group} has had fewer machines than it shall have for half an hour: look at its activities`,
        metricQueries: [
          { id: "missing", expression: "wanted - there", label: "missing machines", returnData: true },
          metric("wanted", "GroupDesiredCapacity"),
          metric("there", "GroupInServiceInstances"),
        ],
        evaluationPeriods: SMALL.evaluationPeriods,
        threshold: 0,
        comparisonOperator: "GreaterThanThreshold",
        treatMissingData: "notBreaching",
        ...told,
        tags: { ...told.tags },
      },
      { parent: this },
    );
  }
}
