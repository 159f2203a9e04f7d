/** AWS's refusals that end a `pulumi up` or `destroy`, and what to do next. docs/trouble.md has the same table. */
export interface Advice {
  /** AWS's code, or a part of its message. */
  readonly says: RegExp;
  /** As the table names it. */
  readonly name: string;
  readonly means: string;
  readonly next: string;
}

const AGAIN = "run `pulumi up --refresh`: it looks at what is there, and goes on";

export const ADVICE: readonly Advice[] = [
  {
    says: /\b(Throttling(Exception)?|RequestLimitExceeded)\b/,
    name: "Throttling, RequestLimitExceeded",
    means: "the account's calls of the API are used up by this and others; the provider tried 25 times",
    next: `wait some minutes, then ${AGAIN}. \`--parallel 4\` asks for less at once`,
  },
  {
    says: /InsufficientInstanceCapacity/,
    name: "InsufficientInstanceCapacity",
    means: "the zone has no machine of this type at the moment",
    next: "run `pulumi up --refresh` later, or give the machine another `instanceType`. Another `zone` is another session disk",
  },
  {
    says: /Invalid IAM Instance Profile/,
    name: "Invalid IAM Instance Profile",
    means: "EC2 has not heard of a new role yet; the provider waited two minutes",
    next: AGAIN,
  },
  {
    says: /\bIncorrect(Instance)?State\b/,
    name: "IncorrectState, IncorrectInstanceState",
    means: "a machine was starting or stopping, or somebody did something to it by hand",
    next: AGAIN,
  },
  {
    says: /InstanceRefreshInProgress/,
    name: "InstanceRefreshInProgress",
    means:
      "a pool's refresh could not be ended in fifteen minutes; the pool has its new template, and its machines are old",
    next: "run `cloister refresh POOL` when the first refresh has ended. Another `pulumi up` starts none",
  },
  {
    says: /DependencyViolation/,
    name: "DependencyViolation",
    means: "something that is not of this stack is in the network, or something of it is not gone yet",
    next: "run the command again; if it comes again, look for network interfaces in the subnet that is named",
  },
];

/** What to do after these errors, each advice once and in the order of the table. */
export const adviceFor = (errors: readonly string[]): readonly Advice[] =>
  ADVICE.filter(({ says }) => errors.some((error) => says.test(error)));
