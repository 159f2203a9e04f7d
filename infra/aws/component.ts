import * as pulumi from "@pulumi/pulumi";

/** Tags of one resource. */
export type Tags = Readonly<Record<string, string>>;

/**
 * Keys of tags that an instance may have whose tags are in its metadata; EC2 does not launch it with another (EC2 user
 * guide, "View tags for your EC2 instances using instance metadata").
 */
export const METADATA_TAG = /^(?!(?:\.{1,2}|_index)$)[A-Za-z0-9+\-=.,_:@]+$/;

/** Partition of a region: part of every ARN. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** One wrong argument, for {@link refuseInputs}. */
export interface InputProblem {
  readonly propertyPath: string;
  readonly reason: string;
}

/** Ends a component's constructor with all that is wrong with its arguments at once. */
export function refuseInputs(component: string, problems: readonly InputProblem[]): void {
  if (problems.length === 0) return;
  const message = `${component}: ${problems.map(({ propertyPath, reason }) => `${propertyPath} ${reason}`).join("; ")}`;
  throw new pulumi.InputPropertiesError({ message, errors: [...problems] });
}
