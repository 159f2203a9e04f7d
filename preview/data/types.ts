/** Types of resources whose content cannot be made again, each with people's word for it. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^aws:ebs\/volume:Volume$/, "disk"],
  [/^aws:ebs\/snapshot(?:Copy|Import)?:/, "snapshot"],
  [/^aws:cloudwatch\/log(?:Group:LogGroup|Stream:LogStream)$/, "log"],
  [/^aws:kms\/(?:key:Key|replicaKey:ReplicaKey|externalKey:ExternalKey)$/, "key"],
  [/^aws:s3\/bucket(?:V2)?:Bucket(?:V2)?$/, "bucket"],
  [/^aws:s3\/bucketObject(?:v2)?:/, "object"],
  [/^aws:secretsmanager\/secret(?:Version)?:/, "secret"],
  [/^aws:ssm\/parameter:Parameter$/, "parameter"],
  [/^aws:(?:rds|docdb|neptune)\/(?:instance|cluster|clusterInstance):/, "database"],
  [/^aws:dynamodb\/table:Table$/, "table"],
  [/^aws:(?:efs\/fileSystem|fsx\/\w+):/, "file system"],
  [/^aws:ecr\/repository:Repository$/, "images"],
  [/^aws:sqs\/queue:Queue$/, "queue"],
  [/^aws:backup\/vault:Vault$/, "backups"],
];

/** The word for a type of resource that holds data; undefined when the type holds none. */
export function dataKind(type: string): string | undefined {
  return KINDS.find(([pattern]) => pattern.test(type))?.[1];
}

/**
 * Types whose resources hold nothing that cannot be made again, or whose loss another row tells: a disk's of its machine,
 * a bucket's of its settings.
 */
const WITHOUT_DATA =
  /^(?:pulumi:|cloister:|command:|random:|time:|null:|aws:(?:autoscaling|budgets|cloudwatch|ec2(?!\/ami)|iam|route53|sns|vpc|vpclattice|lb|alb|autoscalingplans|dlm|ram|signer|servicequotas)\/|aws:kms\/(?:alias|grant|keyPolicy):|aws:ebs\/(?:encryptionByDefault|defaultKmsKey|snapshotBlockPublicAccess):|aws:s3\/bucket[A-Z]|aws:secretsmanager\/secret(?:Policy|Rotation):|aws:index\/)/;

/** Tells whether a type is known to hold no data. */
export const isWithoutData = (type: string): boolean => WITHOUT_DATA.test(type);
