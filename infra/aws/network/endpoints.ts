import { machineActions, type PolicyDocument } from "../access/policies.ts";
import { partitionOf } from "../partition.ts";

/**
 * Services that get an endpoint: those of SSM (its agent takes commands by `ssmmessages` as well since version 3.3), and all
 * that the guest speaks to where there is no other way out.
 */
export function endpointServices(closed: boolean): string[] {
  return ["ssm", "ssmmessages", ...(closed ? ["logs", "secretsmanager", "autoscaling"] : [])];
}

/**
 * Policy of an interface endpoint. It allows the calls that machines make, by roles of this account. Another account's
 * credentials are worth nothing there, so nothing is carried out with them.
 */
export function endpointPolicy(service: string, account: string): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "OwnAccount",
        Effect: "Allow",
        Principal: "*",
        Action: machineActions().filter((action) => action.startsWith(`${service}:`)),
        Resource: "*",
        Condition: { StringEquals: { "aws:PrincipalAccount": account } },
      },
    ],
  };
}

/**
 * Policy of S3's gateway endpoint where it is the only way out. It allows this account to read its own buckets, and anybody
 * to read the buckets of packages.
 */
export function storagePolicy(args: {
  readonly account: string;
  readonly region: string;
  readonly packageBuckets: readonly string[];
}): PolicyDocument {
  const { account, region, packageBuckets } = args;
  const read = { Effect: "Allow", Principal: "*", Action: ["s3:GetObject"] } as const;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "OwnAccount",
        ...read,
        Resource: "*",
        Condition: { StringEquals: { "aws:PrincipalAccount": account, "aws:ResourceAccount": account } },
      },
      // A statement must name a resource.
      ...(packageBuckets.length === 0
        ? []
        : [
            {
              Sid: "Packages",
              ...read,
              Resource: packageBuckets.map((bucket) => `arn:${partitionOf(region)}:s3:::${bucket}/*`),
            },
          ]),
    ],
  };
}

/**
 * The bucket that an address leads to, by S3's own names; undefined where it leads elsewhere (S3 user guide, "Virtual hosting
 * of general purpose buckets").
 */
export function bucketOf(address: string): string | undefined {
  const { hostname, pathname } = new URL(address);
  const [, bucket] = /^(?:(.+)\.)?s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/.exec(hostname) ?? [];
  if (bucket !== undefined) return bucket;
  return /^s3[.-]/.test(hostname) && hostname.includes(".amazonaws.com")
    ? pathname.split("/")[1] || undefined
    : undefined;
}
