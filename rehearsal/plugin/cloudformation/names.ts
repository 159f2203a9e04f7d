/**
 * The provider's types and properties by the names of AWS's own schemas (CloudFormation). A name of theirs is ours with a
 * first letter in upper case, unless this table says otherwise; each property without a counterpart is in it, with the
 * reason. docs/rehearsal.md lists those; a test holds both against each other and against the schemas.
 */
import type { Properties, Value } from "../../../toolchain/standins/command/values.ts";

/** Gives a value the form that CloudFormation has for it. Not asked about unknown values. */
type Form = (value: Value) => unknown;

/** One type beside its counterpart. Paths are ours, by dots and without the indexes of lists. */
export interface Mapped {
  readonly cloudFormation: string;
  /** The place of all properties that have none of their own, such as `/LaunchTemplateData`. */
  readonly within?: string;
  /** Places of properties: from the root where they begin with `/`, else beside the others of their object. */
  readonly names?: Readonly<Record<string, string>>;
  readonly forms?: Readonly<Record<string, Form>>;
  /** Required by CloudFormation, and implied by the provider: by place. */
  readonly implied?: Readonly<Record<string, Value>>;
  /** Properties that are a type of their own there. */
  readonly apart?: Readonly<Record<string, Mapped>>;
  /** Properties without a counterpart, and why. */
  readonly without?: Readonly<Record<string, string>>;
}

const json: Form = (value) => {
  try {
    return typeof value === "string" ? (JSON.parse(value) as unknown) : value;
  } catch {
    return value;
  }
};
const flag: Form = (value) => (value === "true" ? true : value === "false" ? false : value);
const list: Form = (value) => [value];
const number: Form = (value) => (Number.isFinite(Number.parseFloat(String(value))) ? Number(value) : value);
const pairs =
  (key: string): Form =>
  (value) =>
    Object.entries((value ?? {}) as Properties).map(([name, one]) => ({ [key]: name, Value: one }));
/** A map of tags, as every type but groups has it. */
export const tagPairs: Form = pairs("Key");

const same = (cloudFormation: string): Mapped => ({ cloudFormation });

const OWN = "the provider's own";
const NO_TAGS = "CloudFormation has no tags there";

const ruleNames = (end: "Source" | "Destination") => ({
  securityGroupId: "GroupId",
  cidrIpv4: "CidrIp",
  prefixListId: `${end}PrefixListId`,
  referencedSecurityGroupId: `${end}SecurityGroupId`,
});

const metricNames = Object.fromEntries(
  ["namespace", "metricName", "dimensions"].map((name) => [
    `metricQueries.metric.${name}`,
    `Metric/${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  ]),
);

export const MAPPED: Readonly<Record<string, Mapped>> = {
  "aws:ec2/vpc:Vpc": same("AWS::EC2::VPC"),
  "aws:ec2/subnet:Subnet": same("AWS::EC2::Subnet"),
  "aws:ec2/routeTable:RouteTable": same("AWS::EC2::RouteTable"),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": same("AWS::EC2::SubnetRouteTableAssociation"),
  "aws:ec2/route:Route": same("AWS::EC2::Route"),
  "aws:ec2/internetGateway:InternetGateway": {
    cloudFormation: "AWS::EC2::InternetGateway",
    apart: {
      vpcId: { cloudFormation: "AWS::EC2::VPCGatewayAttachment", implied: { "/InternetGatewayId": "igw-of-its-own" } },
    },
  },
  "aws:ec2/eip:Eip": same("AWS::EC2::EIP"),
  "aws:ec2/natGateway:NatGateway": same("AWS::EC2::NatGateway"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    cloudFormation: "AWS::EC2::VPCEndpoint",
    names: { policy: "PolicyDocument" },
    forms: { policy: json },
  },
  "aws:ec2/flowLog:FlowLog": {
    cloudFormation: "AWS::EC2::FlowLog",
    names: { vpcId: "ResourceId", iamRoleArn: "DeliverLogsPermissionArn" },
    implied: { "/ResourceType": "VPC" },
  },
  "aws:ec2/securityGroup:SecurityGroup": {
    cloudFormation: "AWS::EC2::SecurityGroup",
    names: { name: "GroupName", description: "GroupDescription" },
  },
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    cloudFormation: "AWS::EC2::SecurityGroupEgress",
    names: ruleNames("Destination"),
    without: { tags: NO_TAGS },
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
    cloudFormation: "AWS::EC2::SecurityGroupIngress",
    names: ruleNames("Source"),
    without: { tags: NO_TAGS },
  },
  "aws:ec2/launchTemplate:LaunchTemplate": {
    cloudFormation: "AWS::EC2::LaunchTemplate",
    within: "/LaunchTemplateData",
    names: { name: "/LaunchTemplateName", tags: "/TagSpecifications", "networkInterfaces.securityGroups": "Groups" },
    forms: {
      ebsOptimized: flag,
      "blockDeviceMappings.ebs.encrypted": flag,
      "blockDeviceMappings.ebs.deleteOnTermination": flag,
      "networkInterfaces.associatePublicIpAddress": flag,
      "networkInterfaces.deleteOnTermination": flag,
      tags: (value) => [{ ResourceType: "launch-template", Tags: tagPairs(value) }],
    },
    without: { updateDefaultVersion: OWN },
  },
  "aws:ec2/instance:Instance": {
    cloudFormation: "AWS::EC2::Instance",
    names: { "launchTemplate.id": "LaunchTemplateId", userDataBase64: "UserData" },
    without: { userDataReplaceOnChange: OWN, forceDestroy: OWN },
  },
  "aws:ebs/volume:Volume": { cloudFormation: "AWS::EC2::Volume", names: { type: "VolumeType" } },
  "aws:ec2/volumeAttachment:VolumeAttachment": {
    cloudFormation: "AWS::EC2::VolumeAttachment",
    names: { deviceName: "Device" },
    without: { skipDestroy: OWN },
  },
  "aws:autoscaling/group:Group": {
    cloudFormation: "AWS::AutoScaling::AutoScalingGroup",
    names: {
      name: "AutoScalingGroupName",
      vpcZoneIdentifiers: "VPCZoneIdentifier",
      "launchTemplate.id": "LaunchTemplateId",
      initialLifecycleHooks: "LifecycleHookSpecificationList",
      "initialLifecycleHooks.name": "LifecycleHookName",
      enabledMetrics: "MetricsCollection",
    },
    // CloudFormation has texts there, the API numbers.
    forms: {
      minSize: String,
      maxSize: String,
      desiredCapacity: String,
      enabledMetrics: (value) => [{ Granularity: "1Minute", Metrics: value }],
    },
    apart: {
      warmPool: { cloudFormation: "AWS::AutoScaling::WarmPool", implied: { "/AutoScalingGroupName": "of-its-own" } },
    },
    without: {
      suspendedProcesses: "a call of its own, whose request is checked against its model",
      instanceRefresh: "a call of its own, whose request is checked against its model",
      waitForCapacityTimeout: OWN,
    },
  },
  "aws:autoscaling/lifecycleHook:LifecycleHook": {
    cloudFormation: "AWS::AutoScaling::LifecycleHook",
    names: { autoscalingGroupName: "AutoScalingGroupName", name: "LifecycleHookName" },
  },
  "aws:autoscaling/schedule:Schedule": {
    cloudFormation: "AWS::AutoScaling::ScheduledAction",
    names: { autoscalingGroupName: "AutoScalingGroupName" },
    without: { scheduledActionName: "CloudFormation makes the name itself" },
  },
  "aws:iam/role:Role": {
    cloudFormation: "AWS::IAM::Role",
    names: { name: "RoleName", assumeRolePolicy: "AssumeRolePolicyDocument" },
    forms: { assumeRolePolicy: json },
  },
  "aws:iam/rolePolicy:RolePolicy": {
    cloudFormation: "AWS::IAM::RolePolicy",
    names: { name: "PolicyName", role: "RoleName", policy: "PolicyDocument" },
    forms: { policy: json },
  },
  "aws:iam/policy:Policy": {
    cloudFormation: "AWS::IAM::ManagedPolicy",
    names: { name: "ManagedPolicyName", policy: "PolicyDocument" },
    forms: { policy: json },
    without: { tags: NO_TAGS },
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    cloudFormation: "AWS::IAM::Role",
    names: { role: "RoleName", policyArn: "ManagedPolicyArns" },
    forms: { policyArn: list },
    implied: { "/AssumeRolePolicyDocument": {} },
  },
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
    cloudFormation: "AWS::IAM::OIDCProvider",
    names: { clientIdLists: "ClientIdList" },
  },
  "aws:iam/instanceProfile:InstanceProfile": {
    cloudFormation: "AWS::IAM::InstanceProfile",
    names: { name: "InstanceProfileName", role: "Roles" },
    forms: { role: list },
    without: { tags: NO_TAGS },
  },
  "aws:kms/key:Key": {
    cloudFormation: "AWS::KMS::Key",
    names: { deletionWindowInDays: "PendingWindowInDays", policy: "KeyPolicy" },
    forms: { policy: json },
  },
  "aws:kms/alias:Alias": { cloudFormation: "AWS::KMS::Alias", names: { name: "AliasName" } },
  "aws:secretsmanager/secret:Secret": {
    cloudFormation: "AWS::SecretsManager::Secret",
    without: { recoveryWindowInDays: "said when it is deleted, in a request that is checked against its model" },
  },
  "aws:s3/bucket:Bucket": {
    cloudFormation: "AWS::S3::Bucket",
    names: { bucket: "BucketName" },
    without: { forceDestroy: OWN },
  },
  "aws:s3/bucketVersioning:BucketVersioning": { cloudFormation: "AWS::S3::Bucket", names: { bucket: "BucketName" } },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    cloudFormation: "AWS::S3::Bucket",
    names: {
      bucket: "BucketName",
      rules: "/BucketEncryption/ServerSideEncryptionConfiguration",
      "rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault",
      "rules.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
      "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
      "rules.blockedEncryptionTypes": "BlockedEncryptionTypes/EncryptionType",
    },
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    cloudFormation: "AWS::S3::Bucket",
    within: "/PublicAccessBlockConfiguration",
    names: { bucket: "/BucketName" },
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    cloudFormation: "AWS::S3::Bucket",
    names: { bucket: "BucketName", rule: "/OwnershipControls/Rules/0" },
  },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    cloudFormation: "AWS::S3::Bucket",
    names: {
      bucket: "BucketName",
      rules: "/LifecycleConfiguration/Rules",
      "rules.filter.prefix": "../Prefix",
    },
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    cloudFormation: "AWS::S3::BucketPolicy",
    names: { policy: "PolicyDocument" },
    forms: { policy: json },
  },
  "aws:cloudwatch/logGroup:LogGroup": { cloudFormation: "AWS::Logs::LogGroup", names: { name: "LogGroupName" } },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    cloudFormation: "AWS::CloudWatch::Alarm",
    names: {
      name: "AlarmName",
      okActions: "OKActions",
      metricQueries: "Metrics",
      "metricQueries.metric": "MetricStat",
      ...metricNames,
    },
    forms: { dimensions: pairs("Name"), "metricQueries.metric.dimensions": pairs("Name") },
  },
  "aws:cloudwatch/dashboard:Dashboard": same("AWS::CloudWatch::Dashboard"),
  "aws:budgets/budget:Budget": {
    cloudFormation: "AWS::Budgets::Budget",
    within: "/Budget",
    names: {
      name: "BudgetName",
      limitAmount: "BudgetLimit/Amount",
      limitUnit: "BudgetLimit/Unit",
      notifications: "/NotificationsWithSubscribers",
      "notifications.notificationType": "Notification/NotificationType",
      "notifications.threshold": "Notification/Threshold",
      "notifications.thresholdType": "Notification/ThresholdType",
      "notifications.comparisonOperator": "Notification/ComparisonOperator",
      "notifications.subscriberEmailAddresses": "Subscribers",
    },
    forms: {
      limitAmount: number,
      costFilters: (value) =>
        Object.fromEntries((value as Properties[]).map(({ name, values }) => [String(name), values])),
      "notifications.subscriberEmailAddresses": (value) =>
        (value as string[]).map((Address) => ({ SubscriptionType: "EMAIL", Address })),
    },
  },
  "aws:dlm/lifecyclePolicy:LifecyclePolicy": {
    cloudFormation: "AWS::DLM::LifecyclePolicy",
    forms: { "policyDetails.targetTags": tagPairs, "policyDetails.schedules.createRule.times": list },
  },
  "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": same("AWS::Route53Resolver::FirewallDomainList"),
  "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": same("AWS::Route53Resolver::FirewallRuleGroup"),
  "aws:route53/resolverFirewallRule:ResolverFirewallRule": {
    cloudFormation: "AWS::Route53Resolver::FirewallRuleGroup",
    within: "/FirewallRules/0",
    without: {
      name: "CloudFormation's rules have no names",
      firewallRuleGroupId: "a rule is part of its group there",
    },
  },
  "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": same(
    "AWS::Route53Resolver::FirewallRuleGroupAssociation",
  ),
  "aws:sns/topic:Topic": { cloudFormation: "AWS::SNS::Topic", names: { name: "TopicName" } },
  "aws:sns/topicSubscription:TopicSubscription": {
    cloudFormation: "AWS::SNS::Subscription",
    names: { topic: "TopicArn" },
  },
};
