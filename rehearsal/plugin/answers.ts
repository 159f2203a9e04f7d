/** Answers operations that moto 5.2.5 lacks, or does otherwise than AWS, from a file beside the stack's state. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { DescribeInstancesCommandOutput, EC2 } from "@aws-sdk/client-ec2";
import { launchInput } from "./launch.ts";

/** Inputs were checked against the service's model. */
interface Input {
  readonly Bucket: string;
  readonly PolicyId: string;
  readonly ResourceArn: string;
  readonly FirewallDomainListId: string;
  readonly FirewallRuleGroupId: string;
  readonly FirewallRuleGroupAssociationId: string;
  readonly [member: string]: unknown;
}
type Output = Record<string, unknown>;
type Next = (args: { input: object }) => Promise<unknown>;
/** `client` is the one that the request is sent with. */
type Answer = (input: Input, next: Next, client: unknown) => Promise<Output> | Output;

/** Things kept here, by kind and id. */
export type Kept = Record<string, Record<string, Output>>;

function load(): Kept {
  try {
    return JSON.parse(readFileSync(process.env["CLOISTER_KEPT"] ?? "", "utf8")) as Kept;
  } catch {
    return {};
  }
}

/** Changes what is kept; without a change nothing is written. */
function kept<T>(kind: string, action: (things: Record<string, Output>) => T): T {
  const all = load();
  const before = JSON.stringify(all);
  all[kind] ??= {};
  const result = action(all[kind]);
  if (JSON.stringify(all) !== before) writeFileSync(process.env["CLOISTER_KEPT"] ?? "", JSON.stringify(all, null, 2));
  return result;
}

class NotFound extends Error {
  override readonly name = "ResourceNotFoundException";
}

const id = (prefix: string): string => `${prefix}-${randomBytes(8).toString("hex")}`;

function get(kind: string, key: string): Output {
  const found = load()[kind]?.[key];
  if (!found) throw new NotFound(`there is no ${kind} ${key}`);
  return found;
}

const put = (kind: string, key: string, value: Output): Output =>
  kept(kind, (things) => {
    things[key] = value;
    return value;
  });

const drop = (kind: string, key: string): Output => {
  const found = get(kind, key);
  kept(kind, (things) => {
    delete things[key];
  });
  return found;
};

const account = "123456789012";

/** Creates something with an id, kept under it, and answers with it. */
const make =
  (kind: string, member: string, prefix: string, arnOf: (id: string) => string): Answer =>
  (input) => {
    const Id = id(prefix);
    const { CreatorRequestId: _, ...rest } = input;
    return { [member]: put(kind, Id, { ...rest, Id, Arn: arnOf(Id), Status: "COMPLETE" }) };
  };

const firewall = (part: string) => (Id: string) => `arn:aws:route53resolver:eu-central-1:${account}:${part}/${Id}`;
const ruleKey = (input: Record<string, unknown>): string =>
  `${input["FirewallRuleGroupId"]}:${input["FirewallDomainListId"]}`;

/** Tags of what is kept here, whatever its kind. */
const tagsByArn = (arn: string): Output => {
  for (const things of Object.values(load()))
    for (const thing of Object.values(things)) if (thing["Arn"] === arn) return thing;
  throw new NotFound(`there is nothing with ARN ${arn}`);
};

const monitored = (input: Input, State: "enabled" | "disabled"): Output[] =>
  (input["InstanceIds"] as string[]).map((InstanceId) => ({
    InstanceId,
    Monitoring: put("ec2:monitoring", InstanceId, { State }),
  }));

const ANSWERS: Readonly<Record<string, Answer>> = {
  // Data Lifecycle Manager: moto has none of it.
  "dlm:CreateLifecyclePolicy": (input) => {
    const PolicyId = id("policy");
    const PolicyArn = `arn:aws:dlm:eu-central-1:${account}:policy/${PolicyId}`;
    put("dlm:policy", PolicyId, { ...input, PolicyId, PolicyArn });
    return { PolicyId };
  },
  "dlm:GetLifecyclePolicy": ({ PolicyId }) => ({ Policy: get("dlm:policy", PolicyId) }),
  "dlm:UpdateLifecyclePolicy": (input) => {
    const { PolicyId } = input;
    put("dlm:policy", PolicyId, { ...get("dlm:policy", PolicyId), ...input });
    return {};
  },
  "dlm:DeleteLifecyclePolicy": ({ PolicyId }) => {
    drop("dlm:policy", PolicyId);
    return {};
  },

  // DNS Firewall: moto's Route 53 Resolver has no firewall.
  "route53resolver:CreateFirewallDomainList": make(
    "firewall:domains",
    "FirewallDomainList",
    "rslvr-fdl",
    firewall("firewall-domain-list"),
  ),
  "route53resolver:UpdateFirewallDomains": ({ FirewallDomainListId, Domains }) => {
    put("firewall:domains", FirewallDomainListId, { ...get("firewall:domains", FirewallDomainListId), Domains });
    return { Id: FirewallDomainListId, Status: "COMPLETE" };
  },
  "route53resolver:GetFirewallDomainList": ({ FirewallDomainListId }) => ({
    FirewallDomainList: get("firewall:domains", FirewallDomainListId),
  }),
  "route53resolver:ListFirewallDomains": ({ FirewallDomainListId }) => ({
    Domains: get("firewall:domains", FirewallDomainListId)["Domains"] ?? [],
  }),
  "route53resolver:DeleteFirewallDomainList": ({ FirewallDomainListId }) => ({
    FirewallDomainList: drop("firewall:domains", FirewallDomainListId),
  }),
  "route53resolver:CreateFirewallRuleGroup": make(
    "firewall:group",
    "FirewallRuleGroup",
    "rslvr-frg",
    firewall("firewall-rule-group"),
  ),
  "route53resolver:GetFirewallRuleGroup": ({ FirewallRuleGroupId }) => ({
    FirewallRuleGroup: get("firewall:group", FirewallRuleGroupId),
  }),
  "route53resolver:DeleteFirewallRuleGroup": ({ FirewallRuleGroupId }) => ({
    FirewallRuleGroup: drop("firewall:group", FirewallRuleGroupId),
  }),
  "route53resolver:CreateFirewallRule": (input) => ({
    FirewallRule: put("firewall:rule", ruleKey(input), { ...input }),
  }),
  "route53resolver:UpdateFirewallRule": (input) => ({
    FirewallRule: put("firewall:rule", ruleKey(input), { ...get("firewall:rule", ruleKey(input)), ...input }),
  }),
  "route53resolver:ListFirewallRules": ({ FirewallRuleGroupId }) => ({
    FirewallRules: Object.values(load()["firewall:rule"] ?? {}).filter(
      (rule) => rule["FirewallRuleGroupId"] === FirewallRuleGroupId,
    ),
  }),
  "route53resolver:DeleteFirewallRule": (input) => ({ FirewallRule: drop("firewall:rule", ruleKey(input)) }),
  "route53resolver:AssociateFirewallRuleGroup": make(
    "firewall:association",
    "FirewallRuleGroupAssociation",
    "rslvr-frgassoc",
    firewall("firewall-rule-group-association"),
  ),
  "route53resolver:GetFirewallRuleGroupAssociation": ({ FirewallRuleGroupAssociationId }) => ({
    FirewallRuleGroupAssociation: get("firewall:association", FirewallRuleGroupAssociationId),
  }),
  "route53resolver:DisassociateFirewallRuleGroup": ({ FirewallRuleGroupAssociationId }) => ({
    FirewallRuleGroupAssociation: drop("firewall:association", FirewallRuleGroupAssociationId),
  }),
  "route53resolver:ListTagsForResource": ({ ResourceArn }) => ({ Tags: tagsByArn(ResourceArn)["Tags"] ?? [] }),

  // Instance refresh: moto has none. What was asked for is kept, so that a test can see that it was.
  "autoscaling:StartInstanceRefresh": (input) => {
    const InstanceRefreshId = id("refresh");
    put("autoscaling:refresh", InstanceRefreshId, { ...input, InstanceRefreshId });
    return { InstanceRefreshId };
  },
  "autoscaling:CancelInstanceRefresh": ({ AutoScalingGroupName }) => ({
    InstanceRefreshId: `of ${String(AutoScalingGroupName)}`,
  }),

  // moto leaves the conditions of a bucket's policy out of account: one that denies access without TLS would deny all.
  "s3:PutBucketPolicy": ({ Bucket, Policy }) => {
    put("bucket policy", Bucket, { Policy });
    return {};
  },
  "s3:GetBucketPolicy": ({ Bucket }) => get("bucket policy", Bucket),
  "s3:DeleteBucketPolicy": ({ Bucket }) => {
    drop("bucket policy", Bucket);
    return {};
  },

  // moto monitors from the start or never.
  "ec2:MonitorInstances": (input) => ({ InstanceMonitorings: monitored(input, "enabled") }),
  "ec2:UnmonitorInstances": (input) => ({ InstanceMonitorings: monitored(input, "disabled") }),
  "ec2:DescribeInstances": async (input, next) => {
    const { output } = (await next({ input })) as { output: DescribeInstancesCommandOutput };
    for (const { Instances = [] } of output.Reservations ?? [])
      for (const one of Instances) {
        const changed = load()["ec2:monitoring"]?.[one.InstanceId ?? ""];
        if (changed) one.Monitoring = changed as NonNullable<typeof one.Monitoring>;
      }
    return { ...output };
  },

  // EC2 takes it that a machine is terminated twice; moto looks for its interface.
  "ec2:TerminateInstances": async (input, next) => {
    try {
      return { ...((await next({ input })) as { output: Output }).output };
    } catch (error) {
      if ((error as Error).name !== "InvalidNetworkInterfaceID.NotFound") throw error;
      return { TerminatingInstances: [] };
    }
  },

  // EC2 merges a launch template into the request; moto takes only some of it.
  "ec2:RunInstances": (input, next, client) => launchInput(input, next, client as EC2),
};

/** The answer to an operation that moto does not give; undefined where moto is asked. */
export function answers(service: string, operation: string): Answer | undefined {
  return ANSWERS[`${service}:${operation}`];
}
