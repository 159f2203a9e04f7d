import type { Policy } from "./deployer-policy.ts";

/** Whom and what an operator's policy is for. */
export interface OperatorPolicyOptions {
  readonly partition: string;
  /** `*` for every region. */
  readonly region: string;
  /** @default every stack */
  readonly stack?: string;
}

/** The policy of operators, who look at machines and are root on them: sessions on machines of the stack, and nothing else. */
export function operatorPolicy({ partition, region, stack }: OperatorPolicyOptions): Policy {
  const arn = (service: string, account: string, rest: string) =>
    `arn:${partition}:${service}:${region}:${account}:${rest}`;
  const tagged = (key: string) =>
    stack === undefined
      ? { StringLike: { [`${key}/cloister:stack`]: "*" } }
      : { StringEquals: { [`${key}/cloister:stack`]: stack } };
  const allow = (Sid: string, Action: readonly string[], Resource: string, Condition?: object) => ({
    Sid,
    Effect: "Allow" as const,
    Action,
    Resource,
    ...(Condition ? { Condition } : {}),
  });
  return {
    Version: "2012-10-17",
    Statement: [
      allow(
        "Look",
        [
          "ec2:DescribeInstances",
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeInstanceRefreshes",
          "ssm:DescribeInstanceInformation",
        ],
        "*",
      ),
      allow("Console", ["ec2:GetConsoleOutput"], arn("ec2", "*", "instance/*"), tagged("aws:ResourceTag")),
      allow("Sessions", ["ssm:StartSession"], arn("ec2", "*", "instance/*"), tagged("ssm:resourceTag")),
      allow("Document", ["ssm:StartSession"], arn("ssm", "", "document/AWS-StartInteractiveCommand")),
      allow(
        "OwnSessions",
        ["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
        arn("ssm", "*", "session/$" + "{aws:userid}-*"),
      ),
    ],
  };
}
