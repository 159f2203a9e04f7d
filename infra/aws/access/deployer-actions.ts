/**
 * Actions that whoever runs `pulumi up` needs, by resource type; `deployer-policy.ts` makes the policy of them.
 * Source of actions: Service Authorization Reference; which of them a type needs: the provider's create, read, update and delete.
 */

/** Actions by resource type. `<service>:` stands before each. */
export const ACTIONS: Readonly<Record<string, readonly [service: string, actions: string]>> = {
  "aws:autoscaling/group:Group": [
    "autoscaling",
    "CreateAutoScalingGroup CreateOrUpdateTags DeleteAutoScalingGroup DeleteTags DeleteWarmPool DescribeAutoScalingGroups DescribeInstanceRefreshes DescribeLifecycleHooks DescribeScalingActivities DescribeWarmPool DisableMetricsCollection EnableMetricsCollection CancelInstanceRefresh PutLifecycleHook PutWarmPool ResumeProcesses SetInstanceProtection StartInstanceRefresh SuspendProcesses UpdateAutoScalingGroup",
  ],
  "aws:autoscaling/lifecycleHook:LifecycleHook": [
    "autoscaling",
    "DeleteLifecycleHook DescribeLifecycleHooks PutLifecycleHook",
  ],
  "aws:autoscaling/schedule:Schedule": [
    "autoscaling",
    "DeleteScheduledAction DescribeScheduledActions PutScheduledUpdateGroupAction",
  ],
  "aws:budgets/budget:Budget": ["budgets", "ModifyBudget ViewBudget ListTagsForResource"],
  "aws:cloudwatch/dashboard:Dashboard": ["cloudwatch", "DeleteDashboards GetDashboard PutDashboard"],
  "aws:cloudwatch/logGroup:LogGroup": [
    "logs",
    "AssociateKmsKey CreateLogGroup DeleteLogGroup DescribeLogGroups DisassociateKmsKey ListTagsForResource PutRetentionPolicy TagResource UntagResource",
  ],
  "aws:cloudwatch/metricAlarm:MetricAlarm": [
    "cloudwatch",
    "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
  ],
  "aws:dlm/lifecyclePolicy:LifecyclePolicy": [
    "dlm",
    "CreateLifecyclePolicy DeleteLifecyclePolicy GetLifecyclePolicy TagResource UntagResource UpdateLifecyclePolicy",
  ],
  "aws:ebs/volume:Volume": [
    "ec2",
    "CreateTags CreateVolume DeleteTags DeleteVolume DescribeVolumes DescribeVolumesModifications ModifyVolume",
  ],
  "aws:ec2/eip:Eip": [
    "ec2",
    "AllocateAddress CreateTags DescribeAddresses DescribeAddressesAttribute DisassociateAddress ReleaseAddress",
  ],
  "aws:ec2/flowLog:FlowLog": ["ec2", "CreateFlowLogs CreateTags DeleteFlowLogs DescribeFlowLogs"],
  "aws:ec2/instance:Instance": [
    "ec2",
    "CreateTags DeleteTags DescribeImages DescribeInstanceAttribute DescribeInstanceCreditSpecifications DescribeInstanceTypes DescribeInstances DescribeLaunchTemplateVersions DescribeTags DescribeVolumes ModifyInstanceAttribute MonitorInstances RunInstances StartInstances StopInstances TerminateInstances UnmonitorInstances",
  ],
  "aws:ec2/internetGateway:InternetGateway": [
    "ec2",
    "AttachInternetGateway CreateInternetGateway CreateTags DeleteInternetGateway DescribeInternetGateways DetachInternetGateway",
  ],
  "aws:ec2/launchTemplate:LaunchTemplate": [
    "ec2",
    "CreateLaunchTemplate CreateLaunchTemplateVersion CreateTags DeleteLaunchTemplate DescribeLaunchTemplateVersions DescribeLaunchTemplates ModifyLaunchTemplate",
  ],
  "aws:ec2/natGateway:NatGateway": ["ec2", "CreateNatGateway CreateTags DeleteNatGateway DescribeNatGateways"],
  "aws:ec2/route:Route": ["ec2", "CreateRoute DeleteRoute DescribeRouteTables ReplaceRoute"],
  "aws:ec2/routeTable:RouteTable": ["ec2", "CreateRouteTable CreateTags DeleteRouteTable DescribeRouteTables"],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": [
    "ec2",
    "AssociateRouteTable DescribeRouteTables DisassociateRouteTable ReplaceRouteTableAssociation",
  ],
  "aws:ec2/securityGroup:SecurityGroup": [
    "ec2",
    "CreateSecurityGroup CreateTags DeleteSecurityGroup DescribeNetworkInterfaces DescribeSecurityGroups RevokeSecurityGroupEgress",
  ],
  "aws:ec2/subnet:Subnet": [
    "ec2",
    "CreateSubnet CreateTags DeleteSubnet DescribeNetworkInterfaces DescribeSubnets ModifySubnetAttribute",
  ],
  "aws:ec2/volumeAttachment:VolumeAttachment": [
    "ec2",
    "AttachVolume DescribeInstances DescribeVolumes DetachVolume StopInstances",
  ],
  "aws:ec2/vpc:Vpc": [
    "ec2",
    "CreateTags CreateVpc DeleteVpc DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeVpcAttribute DescribeVpcs ModifyVpcAttribute",
  ],
  "aws:ec2/vpcEndpoint:VpcEndpoint": [
    "ec2",
    "CreateTags CreateVpcEndpoint DeleteVpcEndpoints DescribePrefixLists DescribeVpcEndpoints ModifyVpcEndpoint",
  ],
  "aws:iam/instanceProfile:InstanceProfile": [
    "iam",
    "AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile PassRole",
  ],
  "aws:iam/role:Role": [
    "iam",
    "CreateRole DeleteRole DeleteRolePermissionsBoundary GetRole ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies PutRolePermissionsBoundary TagRole UntagRole UpdateAssumeRolePolicy PassRole",
  ],
  "aws:iam/rolePolicy:RolePolicy": ["iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy"],
  "aws:kms/alias:Alias": ["kms", "CreateAlias DeleteAlias ListAliases UpdateAlias"],
  "aws:kms/key:Key": [
    "kms",
    "CreateGrant CreateKey Decrypt DescribeKey DisableKeyRotation EnableKeyRotation GenerateDataKey GenerateDataKeyWithoutPlaintext GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy ReEncryptFrom ReEncryptTo ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription",
  ],
  "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": [
    "route53resolver",
    "CreateFirewallDomainList DeleteFirewallDomainList GetFirewallDomainList ListFirewallDomains ListTagsForResource TagResource UntagResource UpdateFirewallDomains",
  ],
  "aws:route53/resolverFirewallRule:ResolverFirewallRule": [
    "route53resolver",
    "CreateFirewallRule DeleteFirewallRule ListFirewallRules UpdateFirewallRule",
  ],
  "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": [
    "route53resolver",
    "CreateFirewallRuleGroup DeleteFirewallRuleGroup GetFirewallRuleGroup ListTagsForResource TagResource UntagResource",
  ],
  "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": [
    "route53resolver",
    "AssociateFirewallRuleGroup DisassociateFirewallRuleGroup GetFirewallRuleGroupAssociation ListTagsForResource TagResource UntagResource UpdateFirewallRuleGroupAssociation",
  ],
  "aws:s3/bucket:Bucket": [
    "s3",
    "CreateBucket DeleteBucket DeleteObject DeleteObjectVersion GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration GetObject GetReplicationConfiguration ListBucket ListBucketVersions ListTagsForResource PutBucketTagging PutObject TagResource UntagResource",
  ],
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
    "s3",
    "GetLifecycleConfiguration PutLifecycleConfiguration",
  ],
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": [
    "s3",
    "GetBucketOwnershipControls PutBucketOwnershipControls",
  ],
  "aws:s3/bucketPolicy:BucketPolicy": ["s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"],
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
    "s3",
    "GetBucketPublicAccessBlock PutBucketPublicAccessBlock",
  ],
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
    "s3",
    "GetEncryptionConfiguration PutEncryptionConfiguration",
  ],
  "aws:s3/bucketVersioning:BucketVersioning": ["s3", "GetBucketVersioning PutBucketVersioning"],
  "aws:secretsmanager/secret:Secret": [
    "secretsmanager",
    "CreateSecret DeleteSecret DescribeSecret GetResourcePolicy TagResource UntagResource UpdateSecret",
  ],
  "aws:sns/topic:Topic": [
    "sns",
    "CreateTopic DeleteTopic GetTopicAttributes ListTagsForResource SetTopicAttributes TagResource UntagResource",
  ],
  "aws:sns/topicSubscription:TopicSubscription": ["sns", "GetSubscriptionAttributes Subscribe Unsubscribe"],
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
    "ec2",
    "AuthorizeSecurityGroupEgress CreateTags DescribeSecurityGroupRules ModifySecurityGroupRules RevokeSecurityGroupEgress",
  ],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
    "ec2",
    "AuthorizeSecurityGroupIngress CreateTags DescribeSecurityGroupRules ModifySecurityGroupRules RevokeSecurityGroupIngress",
  ],
};

/** Actions of other services that a type needs, by the same references. */
export const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // An alarm on an instance's status can be made without it, and then does nothing (CloudWatch API reference, PutMetricAlarm).
  "aws:cloudwatch/metricAlarm:MetricAlarm": ["ec2:DescribeInstanceStatus"],
  // The private names of an interface endpoint.
  "aws:ec2/vpcEndpoint:VpcEndpoint": ["route53:AssociateVPCWithHostedZone"],
};

/** Actions that are needed whatever the program makes: its own look at instance types, the commands of docs/aws.md, an operator's. */
export const STEPS: readonly string[] = [
  "sts:GetCallerIdentity",
  "ec2:DescribeInstanceTypeOfferings",
  "ssm:GetParameter",
  "servicequotas:RequestServiceQuotaIncrease",
  "secretsmanager:PutSecretValue",
  "ce:UpdateCostAllocationTagsStatus",
  "autoscaling:SetDesiredCapacity",
  "ec2:GetConsoleOutput",
  "tag:GetResources",
  "ec2:DescribeSnapshots",
  "ec2:DeleteSnapshot",
  "kms:CancelKeyDeletion",
  "kms:EnableKey",
  "ssm:DescribeInstanceInformation",
  "ssm:StartSession",
  "ssm:ResumeSession",
  "ssm:TerminateSession",
  // The plugin signs the opening of its channel as whoever asks since 1.2.764.0 (Session Manager user guide, "Sample IAM policies").
  "ssmmessages:OpenDataChannel",
];
