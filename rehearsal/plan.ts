/** A plan of faults, drawn from a seed. */
import { createHash } from "node:crypto";
import type { Counted, Fault } from "./plugin/faults.ts";

/** One kind of fault: where it may happen, and how often it must to reach the user. */
interface Kind {
  readonly name: string;
  readonly operations: readonly string[];
  readonly code: string | ((operation: string) => string);
  readonly message: string;
  /** Most times that the provider gets over without telling anybody. */
  readonly most: number;
  /** Times after which it hands the error on. */
  readonly reaches: number;
}

const KINDS: readonly Kind[] = [
  {
    name: "throttling",
    operations: [
      "ec2:CreateSubnet",
      "ec2:ModifyVpcAttribute",
      "ec2:CreateLaunchTemplate",
      "iam:CreateRole",
      "iam:AddRoleToInstanceProfile",
      "logs:PutRetentionPolicy",
      "kms:EnableKeyRotation",
      "autoscaling:DescribeAutoScalingGroups",
    ],
    code: (operation) => (operation.startsWith("ec2:") ? "RequestLimitExceeded" : "ThrottlingException"),
    message: "Rate exceeded",
    most: 6,
    reaches: 25,
  },
  {
    name: "no capacity",
    operations: ["ec2:RunInstances"],
    code: "InsufficientInstanceCapacity",
    message: "We currently do not have sufficient c8g.xlarge capacity in the Availability Zone you requested.",
    most: 6,
    reaches: 25,
  },
  {
    name: "incorrect state",
    operations: ["ec2:AttachVolume"],
    code: "IncorrectState",
    message: "Instance is not 'running'.",
    most: 0,
    reaches: 1,
  },
  {
    name: "refresh in progress",
    operations: ["autoscaling:StartInstanceRefresh"],
    code: "InstanceRefreshInProgress",
    message: "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
    most: 3,
    reaches: 90,
  },
  {
    name: "role not there yet",
    operations: ["ec2:RunInstances", "autoscaling:CreateAutoScalingGroup"],
    code: (operation) => (operation.startsWith("ec2:") ? "InvalidParameterValue" : "ValidationError"),
    message: "Value for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    most: 5,
    reaches: 12,
  },
  {
    name: "still in use",
    operations: ["ec2:DeleteSubnet", "ec2:DeleteSecurityGroup", "ec2:DetachInternetGateway"],
    code: "DependencyViolation",
    message: "The resource has dependencies and cannot be deleted.",
    most: 5,
    reaches: 90,
  },
];

/** A fault of a plan, with its kind's name and if it ends the command that meets it. */
export interface Planned extends Fault {
  readonly kind: string;
  readonly reaches: boolean;
}

/** The plan of a seed: each kind once, at an operation and a call of its own. At least two reach the user. */
export function planOf(seed: number): Planned[] {
  const draw = (what: string, below: number): number =>
    createHash("sha256").update(`${seed} ${what}`).digest().readUInt32BE(0) % below;
  const forced = [draw("first", KINDS.length), draw("second", KINDS.length - 1)] as const;
  return KINDS.map((kind, i): Planned => {
    const { name, operations, code, message, most, reaches: limit } = kind;
    const operation = operations[draw(`${name} operation`, operations.length)] ?? "";
    const chosen = i === forced[0] || i === forced[1] + (forced[1] >= forced[0] ? 1 : 0);
    const reaches = chosen || most === 0 || draw(`${name} reaches`, 3) === 0;
    return {
      kind: name,
      reaches,
      operation,
      code: typeof code === "string" ? code : code(operation),
      message,
      times: reaches ? limit : 1 + draw(`${name} times`, most),
      // Only some operations come more than once.
      after: /Create(Subnet|Role)$/.test(operation) ? draw(`${name} after`, 3) : 0,
    };
  });
}

/** As the stand-in reads it. */
export const counted = (plan: readonly Planned[]): Counted[] =>
  plan.map((fault) => ({ ...fault, passed: 0, happened: 0 }));
