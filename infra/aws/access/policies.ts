/** IAM policy documents, as plain values. No allowed action has a wildcard. */

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[] | "s3:*";
  readonly Resource: string | readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

/** A policy document, ready for JSON. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

const document = (...statements: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement: statements });

/** Trust policy of a role that one AWS service may take. */
export function assumeRole(service: string, sourceAccount?: string): string {
  const condition = sourceAccount ? { Condition: { StringEquals: { "aws:SourceAccount": sourceAccount } } } : {};
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: service }, ...condition }],
  });
}

/** Resources that a machine's role may use, by ARN. */
export interface MachineRights {
  readonly bucketArn: string;
  readonly keyArn: string;
  readonly logGroupArns: readonly string[];
  readonly modelKeySecretArn: string;
  /** Pattern of the ARNs of this stack's Auto Scaling groups. Another stack's name may begin with this one's. */
  readonly groupArns: string;
  /** Value of the groups' tag `cloister:stack`. */
  readonly stack: string;
  readonly region: string;
}

/**
 * Policy of machines. It allows a machine to be reached by SSM, to fetch the runtime image, to write its logs, to read the
 * model's key and to signal its own life cycle. SSM's message channels know no resources (Service Authorization Reference, ssmmessages).
 */
export function machinePolicy(rights: MachineRights): PolicyDocument {
  return document(
    {
      Sid: "SessionManager",
      Effect: "Allow",
      Action: [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      Resource: "*",
    },
    { Sid: "RuntimeImage", Effect: "Allow", Action: ["s3:GetObject"], Resource: `${rights.bucketArn}/runtime/*` },
    {
      Sid: "Decrypt",
      Effect: "Allow",
      Action: ["kms:Decrypt"],
      Resource: rights.keyArn,
      // Only for data that S3 and Secrets Manager hand out; the key encrypts more.
      Condition: {
        StringEquals: {
          // AWS outside of China, which has no Graviton4.
          "kms:ViaService": ["s3", "secretsmanager"].map((service) => `${service}.${rights.region}.amazonaws.com`),
        },
      },
    },
    {
      // All that guest/aws/logs calls.
      Sid: "Logs",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: rights.logGroupArns.flatMap((arn) => [arn, `${arn}:log-stream:*`]),
    },
    { Sid: "ModelKey", Effect: "Allow", Action: ["secretsmanager:GetSecretValue"], Resource: rights.modelKeySecretArn },
    {
      Sid: "LifeCycle",
      Effect: "Allow",
      Action: [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceProtection",
      ],
      Resource: rights.groupArns,
      Condition: { StringEquals: { "aws:ResourceTag/cloister:stack": rights.stack } },
    },
  );
}

/** All actions of {@link machinePolicy}. */
export function machineActions(): string[] {
  const nothing = {
    bucketArn: "",
    keyArn: "",
    logGroupArns: [],
    modelKeySecretArn: "",
    groupArns: "",
    stack: "",
    region: "",
  };
  return machinePolicy(nothing).Statement.flatMap(({ Action }) => Action);
}

/** The runtime bucket is reached by TLS alone. */
export function tlsOnly(bucketArn: string): PolicyDocument {
  return document({
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, `${bucketArn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  });
}

/**
 * Policy of the service that makes snapshots of session disks (EBS user guide, "Control access to Amazon Data Lifecycle
 * Manager using IAM", and there "Permissions for encryption": use of the key that the disks have).
 */
export function snapshotPolicy(region: string, partition: string, keyArn: string): PolicyDocument {
  const throughEc2 = { StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` } };
  return document(
    {
      Sid: "Look",
      Effect: "Allow",
      Action: ["ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"],
      Resource: "*",
    },
    {
      Sid: "Snapshot",
      Effect: "Allow",
      Action: ["ec2:CreateSnapshot", "ec2:CreateSnapshots", "ec2:DeleteSnapshot"],
      Resource: [`arn:${partition}:ec2:${region}::snapshot/*`, `arn:${partition}:ec2:${region}:*:volume/*`],
    },
    {
      Sid: "Tag",
      Effect: "Allow",
      Action: ["ec2:CreateTags"],
      Resource: `arn:${partition}:ec2:${region}::snapshot/*`,
    },
    {
      Sid: "Encrypt",
      Effect: "Allow",
      Action: [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ],
      Resource: keyArn,
      Condition: throughEc2,
    },
    {
      Sid: "Lend",
      Effect: "Allow",
      Action: ["kms:CreateGrant"],
      Resource: keyArn,
      Condition: { ...throughEc2, Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
  );
}

/** Policy of the stack's key: the account's own IAM policies decide on its use, and services that encrypt for us may use it. */
export function keyPolicy(account: string, region: string, partition: string): PolicyDocument {
  const use = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
  ];
  // Named by condition: a policy that names a role as principal is refused while the role does not exist, and a new account
  // has these only after its first Auto Scaling group, and the first with Spot machines.
  const serviceRole = (service: string, name: string) =>
    `arn:${partition}:iam::${account}:role/aws-service-role/${service}.amazonaws.com/${name}`;
  const scaling = {
    StringEquals: { "kms:CallerAccount": account },
    ArnEquals: {
      "aws:PrincipalArn": [
        serviceRole("autoscaling", "AWSServiceRoleForAutoScaling"),
        serviceRole("spot", "AWSServiceRoleForEC2Spot"),
      ],
    },
  };
  return document(
    {
      Sid: "Account",
      Effect: "Allow",
      Principal: { AWS: `arn:${partition}:iam::${account}:root` },
      Action: [
        ...use,
        "kms:CreateGrant",
        "kms:RevokeGrant",
        "kms:ListGrants",
        "kms:GetKeyPolicy",
        "kms:PutKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:EnableKey",
        "kms:DisableKey",
        "kms:EnableKeyRotation",
        "kms:DisableKeyRotation",
        "kms:ListResourceTags",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateKeyDescription",
        "kms:ScheduleKeyDeletion",
        "kms:CancelKeyDeletion",
        "kms:CreateAlias",
        "kms:UpdateAlias",
        "kms:DeleteAlias",
      ],
      Resource: "*",
    },
    {
      Sid: "Logs",
      Effect: "Allow",
      Principal: { Service: `logs.${region}.amazonaws.com` },
      Action: use,
      Resource: "*",
      Condition: {
        ArnLike: {
          "kms:EncryptionContext:aws:logs:arn": `arn:${partition}:logs:${region}:${account}:log-group:/cloister/*`,
        },
      },
    },
    { Sid: "AutoScaling", Effect: "Allow", Principal: { AWS: "*" }, Action: use, Resource: "*", Condition: scaling },
    {
      Sid: "AutoScalingVolumes",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: ["kms:CreateGrant"],
      Resource: "*",
      Condition: { ...scaling, Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
  );
}

/**
 * Policy of the service that delivers flow logs. It allows the least of the VPC user guide ("IAM role for publishing flow logs
 * to CloudWatch Logs"), on the one group, without its creation: logs still under way when a stack goes would bring the group
 * back, without key or retention (terraform-aws-modules/terraform-aws-vpc #435). Groups cannot be described one by one.
 */
export function flowLogPolicy(logGroupArn: string): PolicyDocument {
  return document(
    {
      Sid: "FlowLogs",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: [logGroupArn, `${logGroupArn}:log-stream:*`],
    },
    { Sid: "Look", Effect: "Allow", Action: ["logs:DescribeLogGroups"], Resource: "*" },
  );
}
