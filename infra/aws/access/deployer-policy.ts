/**
 * The least policy that whoever runs `pulumi up` needs, from the resource types that the program registers. A type without
 * an entry in `deployer-actions.ts` is an error: the table grows with the program. `npm run -s aws:deployer-policy` prints it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BucketLocationConstraint } from "@aws-sdk/client-s3";
import { Command } from "commander";
import { distance } from "fastest-levenshtein";
import { ACTIONS, BESIDE, STEPS } from "./deployer-actions.ts";

/**
 * Services whose own roles an account gets when they are first used, if whoever uses them may make them: the first group,
 * the first group with Spot machines, the first alarm that does something to an instance.
 */
const SERVICE_ROLES = ["autoscaling", "events", "spot"].map((service) => `${service}.amazonaws.com`);

/** Roles and profiles of this program have names that begin so; `cloister-<stack>-...`. */
const OURS = ["role", "instance-profile"].map((kind) => `arn:*:iam::*:${kind}/cloister-*`);

/** Services that roles are made for (`infra/aws`). */
const PASSED_TO = ["ec2", "vpc-flow-logs", "dlm"].map((service) => `${service}.amazonaws.com`);

/** Actions that IAM allows on condition of a role's boundary (Service Authorization Reference, `iam:PermissionsBoundary`). */
const BOUNDED: ReadonlySet<string> = new Set([
  "iam:CreateRole",
  "iam:DeleteRolePolicy",
  "iam:PutRolePermissionsBoundary",
  "iam:PutRolePolicy",
]);

/** Services whose requests name no region, or always the same. */
const GLOBAL: ReadonlySet<string> = new Set(["sts", "iam", "budgets", "route53", "ce"]);

/** Characters that IAM takes in a managed policy, without white space (IAM quotas). */
const MANAGED = 6144;

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

/** Options that fit a policy to an account. */
export interface PolicyOptions {
  /**
   * ARN of the policy that bounds every role (`cloister:permissionsBoundary`). Without one, whoever has the policy can make a role
   * that may do anything. @default none
   */
  readonly boundary?: string;
  /** Bucket of Pulumi's state. @default none: its rights come from elsewhere */
  readonly stateBucket?: string;
  /** ARN of the KMS key that encrypts secrets in the state. @default none */
  readonly stateKey?: string;
}

/** A policy document. */
export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

/** All types that the table knows. */
export const KNOWN_TYPES: readonly string[] = Object.keys(ACTIONS);

/** Some actions, and all that they are allowed for. */
type Narrowed = Omit<Statement, "Effect" | "Action"> & { readonly actions: RegExp };

/**
 * Actions that are allowed for some resources only: those of this program's names, and of SSM the public parameter of the image and
 * sessions on machines of this program (AWS keeps such names to itself). What else a service does knows no resource of a name
 * that is known beforehand (Service Authorization Reference).
 */
function narrowed(region: string): readonly Narrowed[] {
  const arn = (service: string, rest: string) => [`arn:*:${service}:${region}:*:${rest}`];
  const Condition = inRegion(region);
  return [
    {
      Sid: "AutoscalingNamed",
      actions: /^autoscaling:(?!Describe)/,
      Resource: arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/cloister-*"),
      Condition,
    },
    { Sid: "LogsNamed", actions: /^logs:(?!Describe)/, Resource: arn("logs", "log-group:/cloister/*"), Condition },
    { Sid: "S3Named", actions: /^s3:/, Resource: ["arn:*:s3:::cloister-*"], Condition },
    {
      Sid: "SecretsmanagerNamed",
      actions: /^secretsmanager:/,
      Resource: arn("secretsmanager", "secret:cloister-*"),
      Condition,
    },
    // A subscription's ARN begins with its topic's.
    { Sid: "SnsNamed", actions: /^sns:/, Resource: arn("sns", "cloister-*"), Condition },
    {
      Sid: "SsmImage",
      actions: /^ssm:GetParameter$/,
      Resource: arn("ssm", "parameter/aws/service/canonical/*"),
    },
    {
      Sid: "SsmMachines",
      actions: /^ssm:StartSession$/,
      Resource: arn("ec2", "instance/*"),
      Condition: { StringLike: { "ssm:resourceTag/cloister:stack": "*" } },
    },
    {
      Sid: "SsmCommand",
      actions: /^ssm:StartSession$/,
      Resource: arn("ssm", "document/AWS-StartInteractiveCommand"),
    },
    {
      Sid: "SsmSessions",
      actions: /^(ssm:(Resume|Terminate)Session|ssmmessages:OpenDataChannel)$/,
      Resource: arn("ssm", "session/$" + "{aws:userid}-*"),
    },
  ];
}

const inRegion = (region: string): object => ({ StringEquals: { "aws:RequestedRegion": region } });

/**
 * The policy for a program's resource types, bound to a region where the service is regional, and to this program's names
 * where the service knows names. EC2, KMS, CloudWatch and DLM do not: narrow them by tag where others share the account.
 */
export function deployerPolicy(types: Iterable<string>, region: string, options: PolicyOptions = {}): Policy {
  const actions = new Set(STEPS);
  for (const type of types) {
    if (!type.startsWith("aws:")) continue;
    const entry = ACTIONS[type];
    if (!entry)
      throw new Error(`${type} has no entry in infra/aws/access/deployer-policy.ts: add the actions that it needs`);
    const [service, names] = entry;
    for (const name of names.split(" ")) actions.add(`${service}:${name}`);
    for (const action of BESIDE[type] ?? []) actions.add(action);
  }
  const all = [...actions].sort();
  const rules = narrowed(region);
  const named = rules
    .map(({ actions: of, ...rest }) => ({
      ...rest,
      Effect: "Allow" as const,
      Action: all.filter((one) => of.test(one)),
    }))
    .filter(({ Action }) => Action.length > 0);
  const wide = all.filter((one) => !one.startsWith("iam:") && !rules.some(({ actions: of }) => of.test(one)));
  const statements = [...new Set(wide.map((action) => action.split(":")[0] ?? ""))].map(
    (service): Statement => ({
      Sid: service.charAt(0).toUpperCase() + service.slice(1),
      Effect: "Allow",
      Action: wide.filter((action) => action.startsWith(`${service}:`)),
      Resource: "*",
      ...(GLOBAL.has(service) ? {} : { Condition: inRegion(region) }),
    }),
  );
  const roles = all.filter((action) => action.startsWith("iam:"));
  return {
    Version: "2012-10-17",
    Statement: [
      ...statements,
      ...named,
      ...roleStatements(roles, options.boundary),
      ...stateStatements(options, STATE_RIGHTS),
    ],
  };
}

/** Actions on objects of the state's bucket, and with the key of its secrets. */
export interface StateRights {
  readonly objects: readonly string[];
  readonly key: readonly string[];
}

/** Those of whoever runs `pulumi up` (Pulumi's documentation, "Self-managed backends"). */
const STATE_RIGHTS: StateRights = {
  objects: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
  key: ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
};

/** Actions of Pulumi on its state: those on the bucket are the same for all. */
export function stateStatements({ stateBucket, stateKey }: PolicyOptions, { objects, key }: StateRights): Statement[] {
  const allow = (Sid: string, Action: readonly string[], Resource: string): Statement => ({
    Sid,
    Effect: "Allow",
    Action,
    Resource,
  });
  return [
    ...(stateBucket === undefined
      ? []
      : [
          allow("StateBucket", ["s3:ListBucket", "s3:GetBucketLocation"], `arn:*:s3:::${stateBucket}`),
          allow("State", objects, `arn:*:s3:::${stateBucket}/*`),
        ]),
    ...(stateKey === undefined ? [] : [allow("StateKey", key, stateKey)]),
  ];
}

/** Actions on roles: on those of this program alone, bounded where there is a boundary, and handed to its services. */
function roleStatements(actions: readonly string[], boundary: string | undefined): Statement[] {
  const statement = (Sid: string, Action: readonly string[], Resource: Statement["Resource"], condition?: object) =>
    Action.length === 0
      ? []
      : [
          {
            Sid,
            Effect: "Allow" as const,
            Action,
            Resource,
            ...(condition ? { Condition: { StringEquals: condition } } : {}),
          },
        ];
  const bounded = actions.filter((action) => boundary !== undefined && BOUNDED.has(action));
  const free = actions.filter(
    (action) =>
      action !== "iam:PassRole" &&
      !bounded.includes(action) &&
      !(boundary !== undefined && action === "iam:DeleteRolePermissionsBoundary"),
  );
  const passed = actions.filter((action) => action === "iam:PassRole");
  const linked = ["iam:CreateServiceLinkedRole"];
  return [
    ...statement("Iam", free, OURS),
    ...statement("IamBounded", bounded, OURS, { "iam:PermissionsBoundary": boundary }),
    ...statement("IamPass", passed, OURS, { "iam:PassedToService": PASSED_TO }),
    ...statement("IamServiceRoles", linked, "*", { "iam:AWSServiceName": SERVICE_ROLES }),
  ];
}

/** The same as documents that each fit a managed policy of IAM: 6,144 characters. */
export function managedPolicies({ Version, Statement }: Policy): Policy[] {
  const policies: Policy[] = [];
  for (const statement of Statement) {
    const last = policies.at(-1);
    const more = { Version, Statement: [...(last?.Statement ?? []), statement] };
    if (last && JSON.stringify(more).length <= MANAGED) policies[policies.length - 1] = more;
    else policies.push({ Version, Statement: [statement] });
  }
  return policies;
}

/** What is wrong with a region's name, or nothing. A policy for a region that does not exist allows nothing, without a word. */
export function unknownRegion(region: string): string | undefined {
  // S3 is in every region. It calls one of two by an old name, and leaves out its own.
  const regions = ["us-east-1", ...Object.values(BucketLocationConstraint)].filter((name) => name !== "EU") as string[];
  if (regions.includes(region)) return undefined;
  const [close = ""] = [...regions].sort((a, b) => distance(region, a) - distance(region, b));
  const hint = distance(region, close) <= 3 ? ` Did you mean ${close}?` : "";
  return `there is no region ${JSON.stringify(region)} of AWS's.${hint} There are: ${regions.sort().join(", ")}.`;
}

if (process.argv[1] === import.meta.filename) {
  const command = new Command("npm run aws:deployer-policy --")
    .description("Prints the IAM policy that whoever runs `pulumi up` needs.")
    .argument("<region>", "region of the stacks, such as eu-central-1")
    .option("--boundary <arn>", "allow only roles that this policy bounds (cloister:permissionsBoundary)")
    .option("--state-bucket <name>", "the bucket of Pulumi's state, which it may read and write")
    .option("--state-key <arn>", "the KMS key of secrets in Pulumi's state, which it may use")
    .option("--out <folder>", "write it in parts that each fit a managed policy: deployer-1.json and so on")
    .parse();
  const [region = ""] = command.args;
  const { out, ...options } = command.opts<PolicyOptions & { out?: string }>();
  const unknown = unknownRegion(region);
  if (unknown) command.error(`error: ${unknown}`);
  const policy = deployerPolicy(KNOWN_TYPES, region, options);
  if (out === undefined) console.log(JSON.stringify(policy, undefined, 2));
  else {
    mkdirSync(out, { recursive: true });
    for (const [i, part] of managedPolicies(policy).entries()) {
      const file = join(out, `deployer-${i + 1}.json`);
      writeFileSync(file, JSON.stringify(part));
      console.log(file);
    }
  }
}
