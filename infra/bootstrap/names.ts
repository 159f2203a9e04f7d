import { partitionOf } from "../aws/partition.ts";
import type { Inputs } from "./inputs.ts";

/** Pulumi's project and stack of the account itself. */
export const PROJECT = "cloister-bootstrap";
export const STACK = "bootstrap";

/** Roles have no name that begins with `cloister-`: such roles deployers may change. */
export const ROLES = { deployer: "fleet-deployer", preview: "fleet-preview" } as const;
export const POLICIES = {
  boundary: "cloister-boundary",
  deployer: "cloister-deployer",
  preview: "cloister-preview",
  operator: "cloister-operator",
} as const;
export const KEY_ALIAS = "alias/cloister-state";

type Account = Pick<Inputs, "accountId" | "region">;

/** An ARN of IAM's, such as that of `role/NAME`. */
export function iamArn({ accountId, region }: Account, rest: string): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:${rest}`;
}
