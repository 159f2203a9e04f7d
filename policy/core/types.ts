/** Types of the resources that rules are about. */
export const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
export const BUCKET = "aws:s3/bucket:Bucket";
export const BUCKET_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
export const BUCKET_ENCRYPTION =
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
export const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
export const BUDGET = "aws:budgets/budget:Budget";
export const EIP = "aws:ec2/eip:Eip";
export const GROUP = "aws:autoscaling/group:Group";
export const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
export const INSTANCE = "aws:ec2/instance:Instance";
export const KEY = "aws:kms/key:Key";
export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
export const ROLE = "aws:iam/role:Role";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const SECRET = "aws:secretsmanager/secret:Secret";
export const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";
export const SNAPSHOTS = "aws:dlm/lifecyclePolicy:LifecyclePolicy";
export const SUBNET = "aws:ec2/subnet:Subnet";
export const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
export const VOLUME = "aws:ebs/volume:Volume";
/** Further types by which somebody could give rights or open ways. The program does not use them. */
export const POLICY = "aws:iam/policy:Policy";
export const USER_POLICY = "aws:iam/userPolicy:UserPolicy";
export const GROUP_POLICY = "aws:iam/groupPolicy:GroupPolicy";
export const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
export const OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
