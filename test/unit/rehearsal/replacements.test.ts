import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { TYPES } from "../../../rehearsal/plugin/types/index.ts";

/** Properties that AWS's own schemas of CloudFormation let nobody change, by type. */
const { types: CREATE_ONLY } = JSON.parse(readFileSync(new URL("create-only.json", import.meta.url), "utf8")) as {
  types: Readonly<Record<string, readonly string[]>>;
};

/** CloudFormation's names of properties that the provider calls otherwise. Other names differ in their first letter. */
const RENAMED: Readonly<Record<string, string>> = {
  "AWS::EC2::VolumeAttachment.Device": "deviceName",
  "AWS::EC2::SecurityGroup.GroupDescription": "description",
  "AWS::EC2::SecurityGroup.GroupName": "name",
  "AWS::EC2::SecurityGroupEgress.GroupId": "securityGroupId",
  "AWS::EC2::LaunchTemplate.LaunchTemplateName": "name",
  "AWS::EC2::FlowLog.DeliverLogsPermissionArn": "iamRoleArn",
  "AWS::EC2::FlowLog.ResourceId": "vpcId",
  "AWS::AutoScaling::AutoScalingGroup.AutoScalingGroupName": "name",
  "AWS::AutoScaling::LifecycleHook.AutoScalingGroupName": "autoscalingGroupName",
  "AWS::AutoScaling::LifecycleHook.LifecycleHookName": "name",
  "AWS::AutoScaling::ScheduledAction.AutoScalingGroupName": "autoscalingGroupName",
  "AWS::IAM::Role.RoleName": "name",
  "AWS::IAM::RolePolicy.RoleName": "role",
  "AWS::IAM::RolePolicy.PolicyName": "name",
  "AWS::IAM::InstanceProfile.InstanceProfileName": "name",
  "AWS::KMS::Alias.AliasName": "name",
  "AWS::S3::Bucket.BucketName": "bucket",
  "AWS::Logs::LogGroup.LogGroupName": "name",
  "AWS::CloudWatch::Alarm.AlarmName": "name",
  "AWS::SNS::Topic.TopicName": "name",
  "AWS::SNS::Subscription.TopicArn": "topic",
};

/** A type, and where the provider differs from CloudFormation: `more` it replaces on, `less` it changes in place. */
interface Mapped {
  readonly cloudFormation: string;
  readonly more?: readonly string[];
  readonly less?: readonly string[];
}
const same = (cloudFormation: string): Mapped => ({ cloudFormation });

const MAPPED: Readonly<Record<string, Mapped>> = {
  "aws:ec2/vpc:Vpc": same("AWS::EC2::VPC"),
  "aws:ec2/subnet:Subnet": same("AWS::EC2::Subnet"),
  "aws:ec2/routeTable:RouteTable": same("AWS::EC2::RouteTable"),
  // ReplaceRouteTableAssociation.
  "aws:ec2/routeTableAssociation:RouteTableAssociation": {
    cloudFormation: "AWS::EC2::SubnetRouteTableAssociation",
    less: ["routeTableId"],
  },
  "aws:ec2/route:Route": same("AWS::EC2::Route"),
  "aws:ec2/internetGateway:InternetGateway": same("AWS::EC2::InternetGateway"),
  "aws:ec2/eip:Eip": { cloudFormation: "AWS::EC2::EIP", more: ["domain"] },
  "aws:ec2/natGateway:NatGateway": same("AWS::EC2::NatGateway"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": same("AWS::EC2::VPCEndpoint"),
  "aws:ec2/flowLog:FlowLog": same("AWS::EC2::FlowLog"),
  "aws:ec2/securityGroup:SecurityGroup": same("AWS::EC2::SecurityGroup"),
  // ModifySecurityGroupRules.
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    cloudFormation: "AWS::EC2::SecurityGroupEgress",
    less: ["fromPort", "ipProtocol", "toPort"],
  },
  "aws:ec2/launchTemplate:LaunchTemplate": same("AWS::EC2::LaunchTemplate"),
  // CloudFormation changes these where the instance may be stopped.
  "aws:ec2/instance:Instance": { cloudFormation: "AWS::EC2::Instance", more: ["ebsOptimized", "userDataBase64"] },
  // CloudFormation refuses the change of what the provider replaces.
  "aws:ebs/volume:Volume": { cloudFormation: "AWS::EC2::Volume", more: ["availabilityZone", "encrypted", "kmsKeyId"] },
  "aws:ec2/volumeAttachment:VolumeAttachment": same("AWS::EC2::VolumeAttachment"),
  "aws:autoscaling/group:Group": {
    cloudFormation: "AWS::AutoScaling::AutoScalingGroup",
    more: ["initialLifecycleHooks"],
  },
  // The provider's id of a hook has its name alone in it: the group's name is not forced anew.
  "aws:autoscaling/lifecycleHook:LifecycleHook": {
    cloudFormation: "AWS::AutoScaling::LifecycleHook",
    less: ["autoscalingGroupName"],
  },
  "aws:autoscaling/schedule:Schedule": {
    cloudFormation: "AWS::AutoScaling::ScheduledAction",
    more: ["scheduledActionName"],
  },
  "aws:iam/role:Role": same("AWS::IAM::Role"),
  "aws:iam/rolePolicy:RolePolicy": same("AWS::IAM::RolePolicy"),
  "aws:iam/instanceProfile:InstanceProfile": same("AWS::IAM::InstanceProfile"),
  "aws:kms/key:Key": same("AWS::KMS::Key"),
  "aws:kms/alias:Alias": same("AWS::KMS::Alias"),
  "aws:secretsmanager/secret:Secret": same("AWS::SecretsManager::Secret"),
  "aws:s3/bucket:Bucket": same("AWS::S3::Bucket"),
  "aws:s3/bucketPolicy:BucketPolicy": same("AWS::S3::BucketPolicy"),
  "aws:cloudwatch/logGroup:LogGroup": same("AWS::Logs::LogGroup"),
  "aws:cloudwatch/metricAlarm:MetricAlarm": same("AWS::CloudWatch::Alarm"),
  "aws:cloudwatch/dashboard:Dashboard": same("AWS::CloudWatch::Dashboard"),
  // The notifications are a resource's own property there, and are changed one by one here.
  "aws:budgets/budget:Budget": { cloudFormation: "AWS::Budgets::Budget", more: ["name"] },
  "aws:dlm/lifecyclePolicy:LifecyclePolicy": same("AWS::DLM::LifecyclePolicy"),
  "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": same("AWS::Route53Resolver::FirewallDomainList"),
  "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": same("AWS::Route53Resolver::FirewallRuleGroup"),
  "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": same(
    "AWS::Route53Resolver::FirewallRuleGroupAssociation",
  ),
  "aws:sns/topic:Topic": same("AWS::SNS::Topic"),
  "aws:sns/topicSubscription:TopicSubscription": same("AWS::SNS::Subscription"),
};

/** Types of the provider that are part of another one in CloudFormation. */
const PARTS =
  /^aws:(s3\/bucket(Versioning|ServerSide\w+|PublicAccessBlock|OwnershipControls|Lifecycle\w+)|vpc\/securityGroupIngressRule|route53\/resolverFirewallRule):/;

describe("the stand-in's table of replacements", () => {
  it("has each type beside CloudFormation's, or says why not", () => {
    const missing = Object.keys(TYPES).filter((type) => !(type in MAPPED) && !PARTS.test(type));
    assert.deepEqual(missing, []);
  });

  for (const [type, { cloudFormation, more = [], less = [] }] of Object.entries(MAPPED)) {
    it(`agrees with AWS's schema of ${cloudFormation}`, () => {
      const known = TYPES[type];
      assert.ok(known, type);
      const inputs = Object.keys((known.inputs as unknown as z.ZodObject).shape);
      const theirs = (CREATE_ONLY[cloudFormation] ?? assert.fail(cloudFormation))
        .map((name) => RENAMED[`${cloudFormation}.${name}`] ?? `${name.charAt(0).toLowerCase()}${name.slice(1)}`)
        .filter((name) => inputs.includes(name));
      const ours = new Set(known.replaceOn.map((path) => path.split(".")[0] ?? ""));
      assert.deepEqual([...ours].filter((name) => !theirs.includes(name)).sort(), [...more].sort(), "replaces on more");
      assert.deepEqual([...new Set(theirs)].filter((name) => !ours.has(name)).sort(), [...less].sort(), "on less");
    });
  }
});
