/** Logs, alarms, dashboards, budgets and snapshots: logs, cloudwatch, budgets, dlm. */
import { z } from "zod";
import { budgets, cloudWatch, dlm, logs, made, sts } from "../clients.ts";
import {
  arn,
  count,
  type ResourceType,
  resource,
  tagChanges,
  tagList,
  tagMap,
  tags,
  text,
  unlessGone,
} from "../resource.ts";

const logGroup = resource({
  inputs: z.strictObject({ name: text, retentionInDays: count, kmsKeyId: arn, tags }),
  autoName: "name",
  replaceOn: ["name"],
  source: "logs/group.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const api = await logs();
    await api.createLogGroup({ logGroupName: inputs.name, kmsKeyId: inputs.kmsKeyId, tags: { ...inputs.tags } });
    made(inputs.name);
    await api.putRetentionPolicy({ logGroupName: inputs.name, retentionInDays: inputs.retentionInDays });
    return inputs.name;
  },
  async read(id) {
    const api = await logs();
    const { logGroups } = await api.describeLogGroups({ logGroupNamePrefix: id });
    const found = logGroups?.find(({ logGroupName }) => logGroupName === id);
    if (!found) return undefined;
    const resourceArn = (found.arn ?? "").replace(/:\*$/, "");
    const answer = await api.listTagsForResource({ resourceArn });
    return {
      name: found.logGroupName,
      arn: resourceArn,
      retentionInDays: found.retentionInDays,
      kmsKeyId: found.kmsKeyId,
      tags: { ...answer.tags },
      tagsAll: { ...answer.tags },
    };
  },
  async update(id, news, olds) {
    const api = await logs();
    if (news.retentionInDays !== olds.retentionInDays)
      await api.putRetentionPolicy({ logGroupName: id, retentionInDays: news.retentionInDays });
    if (news.kmsKeyId !== olds.kmsKeyId) await api.associateKmsKey({ logGroupName: id, kmsKeyId: news.kmsKeyId });
    const { set, remove } = tagChanges(olds.tags, news.tags);
    const resourceArn = String(olds["arn"]);
    if (remove.length > 0) await api.untagResource({ resourceArn, tagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ resourceArn, tags: set });
  },
  async delete(id) {
    await (await logs()).deleteLogGroup({ logGroupName: id });
  },
});

const metricShape = {
  namespace: text,
  metricName: text,
  dimensions: z.record(text, text),
  period: count,
} as const;

const alarmInputs = z.strictObject({
  name: text,
  alarmDescription: text,
  namespace: metricShape.namespace.optional(),
  metricName: metricShape.metricName.optional(),
  dimensions: metricShape.dimensions.optional(),
  period: metricShape.period.optional(),
  statistic: text.optional(),
  metricQueries: z
    .array(
      z.strictObject({
        id: text,
        expression: text.optional(),
        label: text.optional(),
        returnData: z.boolean().optional(),
        metric: z.strictObject({ ...metricShape, stat: text }).optional(),
      }),
    )
    .optional(),
  evaluationPeriods: count,
  threshold: z.number(),
  comparisonOperator: text,
  treatMissingData: text.optional(),
  alarmActions: z.array(arn),
  okActions: z.array(arn).optional(),
  tags,
});
type AlarmInputs = z.infer<typeof alarmInputs>;

const dimensionList = (map: Readonly<Record<string, string>>): { Name: string; Value: string }[] =>
  Object.entries(map).map(([Name, Value]) => ({ Name, Value }));
const dimensionMap = (
  list: readonly { Name?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> => Object.fromEntries((list ?? []).map(({ Name = "", Value = "" }) => [Name, Value]));

const queryInput = ({
  id,
  expression,
  label,
  returnData = false,
  metric,
}: NonNullable<AlarmInputs["metricQueries"]>[0]) => ({
  Id: id,
  ...(expression === undefined ? {} : { Expression: expression }),
  ...(label === undefined ? {} : { Label: label }),
  ReturnData: returnData,
  ...(metric === undefined
    ? {}
    : {
        MetricStat: {
          Metric: {
            Namespace: metric.namespace,
            MetricName: metric.metricName,
            Dimensions: dimensionList(metric.dimensions),
          },
          Period: metric.period,
          Stat: metric.stat,
        },
      }),
});

async function putAlarm(inputs: AlarmInputs): Promise<void> {
  await (await cloudWatch()).putMetricAlarm({
    AlarmName: inputs.name,
    AlarmDescription: inputs.alarmDescription,
    ...(inputs.metricQueries
      ? { Metrics: inputs.metricQueries.map(queryInput) }
      : {
          Namespace: inputs.namespace,
          MetricName: inputs.metricName,
          Dimensions: dimensionList(inputs.dimensions ?? {}),
          Statistic: inputs.statistic as "Maximum",
          Period: inputs.period,
        }),
    EvaluationPeriods: inputs.evaluationPeriods,
    Threshold: inputs.threshold,
    ComparisonOperator: inputs.comparisonOperator as "GreaterThanOrEqualToThreshold",
    ...(inputs.treatMissingData === undefined ? {} : { TreatMissingData: inputs.treatMissingData }),
    AlarmActions: inputs.alarmActions,
    ...(inputs.okActions === undefined ? {} : { OKActions: inputs.okActions }),
    Tags: tagList(inputs.tags),
  });
}

const metricAlarm = resource({
  inputs: alarmInputs,
  autoName: "name",
  replaceOn: ["name"],
  source: "cloudwatch/metric_alarm.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    await putAlarm(inputs);
    return inputs.name;
  },
  async read(id, state) {
    const api = await cloudWatch();
    const { MetricAlarms } = await api.describeAlarms({ AlarmNames: [id] });
    const found = MetricAlarms?.[0];
    if (!found) return undefined;
    const { Tags } = await api.listTagsForResource({ ResourceARN: found.AlarmArn });
    return {
      name: found.AlarmName,
      arn: found.AlarmArn,
      alarmDescription: found.AlarmDescription,
      ...(state.metricQueries
        ? {
            metricQueries: (found.Metrics ?? []).map(({ Id, Expression, Label, ReturnData, MetricStat }) => ({
              id: Id,
              ...(Expression ? { expression: Expression } : {}),
              ...(Label ? { label: Label } : {}),
              ...(ReturnData ? { returnData: true } : {}),
              ...(MetricStat
                ? {
                    metric: {
                      namespace: MetricStat.Metric?.Namespace,
                      metricName: MetricStat.Metric?.MetricName,
                      dimensions: dimensionMap(MetricStat.Metric?.Dimensions),
                      period: MetricStat.Period,
                      stat: MetricStat.Stat,
                    },
                  }
                : {}),
            })),
          }
        : {
            namespace: found.Namespace,
            metricName: found.MetricName,
            dimensions: dimensionMap(found.Dimensions),
            statistic: found.Statistic,
            period: found.Period,
          }),
      ...(found.TreatMissingData ? { treatMissingData: found.TreatMissingData } : {}),
      ...(state.okActions ? { okActions: found.OKActions } : {}),
      evaluationPeriods: found.EvaluationPeriods,
      threshold: found.Threshold,
      comparisonOperator: found.ComparisonOperator,
      alarmActions: found.AlarmActions,
      tags: tagMap(Tags),
      tagsAll: tagMap(Tags),
    };
  },
  async update(_id, news, olds) {
    await putAlarm(news);
    const api = await cloudWatch();
    const ResourceARN = String(olds["arn"]);
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagResource({ ResourceARN, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ ResourceARN, Tags: tagList(set) });
  },
  async delete(id) {
    await (await cloudWatch()).deleteAlarms({ AlarmNames: [id] });
  },
});

const dashboard = resource({
  inputs: z.strictObject({ dashboardName: text, dashboardBody: text }),
  replaceOn: ["dashboardName"],
  source: "cloudwatch/dashboard.go",
  computed: ["dashboardArn"],
  async create(inputs) {
    await (await cloudWatch()).putDashboard({
      DashboardName: inputs.dashboardName,
      DashboardBody: inputs.dashboardBody,
    });
    return inputs.dashboardName;
  },
  async read(id) {
    const found = await unlessGone((await cloudWatch()).getDashboard({ DashboardName: id }));
    return found && { dashboardName: id, dashboardBody: found.DashboardBody, dashboardArn: found.DashboardArn };
  },
  async update(id, news) {
    await (await cloudWatch()).putDashboard({ DashboardName: id, DashboardBody: news.dashboardBody });
  },
  async delete(id) {
    await (await cloudWatch()).deleteDashboards({ DashboardNames: [id] });
  },
});

const budgetInputs = z.strictObject({
  name: text,
  budgetType: z.literal("COST"),
  timeUnit: z.literal("MONTHLY"),
  limitAmount: text,
  limitUnit: text,
  costFilters: z.array(z.strictObject({ name: text, values: z.array(text) })),
  notifications: z.array(
    z.strictObject({
      notificationType: z.enum(["ACTUAL", "FORECASTED"]),
      threshold: z.number(),
      thresholdType: text,
      comparisonOperator: text,
      subscriberEmailAddresses: z.array(text),
    }),
  ),
});
type BudgetInputs = z.infer<typeof budgetInputs>;

const accountId = async (): Promise<string> => (await (await sts()).getCallerIdentity({})).Account ?? "";

const budgetOf = (inputs: BudgetInputs) => ({
  BudgetName: inputs.name,
  BudgetType: inputs.budgetType,
  TimeUnit: inputs.timeUnit,
  BudgetLimit: { Amount: inputs.limitAmount, Unit: inputs.limitUnit },
  CostFilters: Object.fromEntries(inputs.costFilters.map(({ name, values }) => [name, values])),
});

const budget = resource({
  inputs: budgetInputs,
  autoName: "name",
  replaceOn: ["name"],
  source: "budgets/budget.go",
  ordered: ["costFilters.values"],
  computed: ["accountId", "arn"],
  async create(inputs) {
    const AccountId = await accountId();
    const api = await budgets();
    await api.createBudget({ AccountId, Budget: budgetOf(inputs) });
    made(`${AccountId}:${inputs.name}`);
    for (const one of inputs.notifications)
      await api.createNotification({
        AccountId,
        BudgetName: inputs.name,
        Notification: {
          NotificationType: one.notificationType,
          Threshold: one.threshold,
          ThresholdType: one.thresholdType as "PERCENTAGE",
          ComparisonOperator: one.comparisonOperator as "GREATER_THAN",
        },
        Subscribers: one.subscriberEmailAddresses.map((Address) => ({ SubscriptionType: "EMAIL" as const, Address })),
      });
    return `${AccountId}:${inputs.name}`;
  },
  async read(id) {
    const [AccountId = "", BudgetName = ""] = id.split(":");
    const found = (await unlessGone((await budgets()).describeBudget({ AccountId, BudgetName })))?.Budget;
    return (
      found && {
        accountId: AccountId,
        name: found.BudgetName,
        budgetType: found.BudgetType,
        timeUnit: found.TimeUnit,
        limitAmount: found.BudgetLimit?.Amount,
        limitUnit: found.BudgetLimit?.Unit,
      }
    );
  },
  async update(id, news) {
    const [AccountId = ""] = id.split(":");
    await (await budgets()).updateBudget({ AccountId, NewBudget: budgetOf(news) });
  },
  async delete(id) {
    const [AccountId = "", BudgetName = ""] = id.split(":");
    await (await budgets()).deleteBudget({ AccountId, BudgetName });
  },
});

const policyInputs = z.strictObject({
  description: text,
  executionRoleArn: arn,
  state: z.enum(["ENABLED", "DISABLED"]),
  policyDetails: z.strictObject({
    policyType: z.literal("EBS_SNAPSHOT_MANAGEMENT"),
    resourceTypes: z.array(text),
    targetTags: z.record(text, text),
    schedules: z.array(
      z.strictObject({
        name: text,
        copyTags: z.boolean(),
        createRule: z.strictObject({ interval: count, intervalUnit: text, times: text }),
        retainRule: z.strictObject({ count }),
      }),
    ),
  }),
  tags,
});
type PolicyInputs = z.infer<typeof policyInputs>;

const policyOf = (inputs: PolicyInputs) => ({
  Description: inputs.description,
  ExecutionRoleArn: inputs.executionRoleArn,
  State: inputs.state,
  PolicyDetails: {
    PolicyType: inputs.policyDetails.policyType,
    ResourceTypes: inputs.policyDetails.resourceTypes as ["VOLUME"],
    TargetTags: tagList(inputs.policyDetails.targetTags),
    Schedules: inputs.policyDetails.schedules.map((one) => ({
      Name: one.name,
      CopyTags: one.copyTags,
      CreateRule: {
        Interval: one.createRule.interval,
        IntervalUnit: one.createRule.intervalUnit as "HOURS",
        Times: [one.createRule.times],
      },
      RetainRule: { Count: one.retainRule.count },
    })),
  },
});

const lifecyclePolicy = resource({
  inputs: policyInputs,
  replaceOn: [],
  source: "dlm/lifecycle_policy.go",
  ordered: ["policyDetails.resourceTypes", "policyDetails.schedules"],
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const { PolicyId } = await (await dlm()).createLifecyclePolicy({ ...policyOf(inputs), Tags: { ...inputs.tags } });
    return PolicyId ?? "";
  },
  async read(id) {
    const found = (await unlessGone((await dlm()).getLifecyclePolicy({ PolicyId: id })))?.Policy;
    return (
      found && {
        arn: found.PolicyArn,
        description: found.Description,
        executionRoleArn: found.ExecutionRoleArn,
        state: found.State,
        tags: { ...found.Tags },
        tagsAll: { ...found.Tags },
      }
    );
  },
  async update(id, news, olds) {
    const api = await dlm();
    await api.updateLifecyclePolicy({ PolicyId: id, ...policyOf(news) });
    const { set, remove } = tagChanges(olds.tags, news.tags);
    const ResourceArn = String(olds["arn"]);
    if (remove.length > 0) await api.untagResource({ ResourceArn, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ ResourceArn, Tags: set });
  },
  async delete(id) {
    await (await dlm()).deleteLifecyclePolicy({ PolicyId: id });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:cloudwatch/logGroup:LogGroup": logGroup,
  "aws:cloudwatch/metricAlarm:MetricAlarm": metricAlarm,
  "aws:cloudwatch/dashboard:Dashboard": dashboard,
  "aws:budgets/budget:Budget": budget,
  "aws:dlm/lifecyclePolicy:LifecyclePolicy": lifecyclePolicy,
};
