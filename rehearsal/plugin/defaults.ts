/**
 * Values that the provider fills in where the program says nothing: the defaults of its schema, as the documentation in
 * `@pulumi/aws` names them. A test looks each of them up there. Defaults that documentation does not name are missing, and so
 * are values that AWS itself chooses.
 */
import type { Properties } from "../../toolchain/standins/command/values.ts";

export const DEFAULTS: Readonly<Record<string, Properties>> = {
  "aws:ec2/vpc:Vpc": { instanceTenancy: "default" },
  "aws:ec2/subnet:Subnet": {
    assignIpv6AddressOnCreation: false,
    enableDns64: false,
    enableResourceNameDnsARecordOnLaunch: false,
    enableResourceNameDnsAaaaRecordOnLaunch: false,
    mapPublicIpOnLaunch: false,
  },
  "aws:ec2/natGateway:NatGateway": { connectivityType: "public" },
  "aws:ec2/flowLog:FlowLog": { maxAggregationInterval: 600 },
  "aws:ec2/securityGroup:SecurityGroup": { revokeRulesOnDelete: false },
  "aws:ec2/instance:Instance": { forceDestroy: false, sourceDestCheck: true, userDataReplaceOnChange: false },
  "aws:ebs/volume:Volume": { finalSnapshot: false },
  "aws:autoscaling/group:Group": { ignoreFailedScalingActivities: false, metricsGranularity: "1Minute" },
  "aws:iam/role:Role": { forceDetachPolicies: false },
  "aws:kms/key:Key": { bypassPolicyLockoutSafetyCheck: false, isEnabled: true, keyUsage: "ENCRYPT_DECRYPT" },
  "aws:cloudwatch/metricAlarm:MetricAlarm": { actionsEnabled: true, treatMissingData: "missing" },
  "aws:sns/topic:Topic": { fifoTopic: false },
};
