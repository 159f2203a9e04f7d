/** The pack's settings, `policy/settings.yaml`: levels, limits and exceptions. The pack and the preview both read them. */
import { parseDocument } from "yaml";
import { z } from "zod";

export const LEVELS = ["mandatory", "advisory", "disabled"] as const;
export type PolicyLevel = (typeof LEVELS)[number];

/** The longest time for which a rule may be left out, in days. */
const LONGEST_EXCEPTION = 366;
const DAY = 86_400_000;

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "is no date such as 2027-01-31")
  .refine((text) => !Number.isNaN(Date.parse(text)), "is no day of the calendar");

const limitsSchema = z.strictObject({
  level: z.enum(LEVELS).describe("level of all rules"),
  levels: z.record(z.string(), z.enum(LEVELS)).describe("levels of some rules"),
  imageMaxAgeDays: z.int().positive(),
  imageOwners: z.array(z.string()).min(1),
  requiredTags: z.array(z.string()),
  retentionDays: z.int().nonnegative().describe("least days that logs are kept"),
  keyWaitDays: z.int().min(7).max(30).describe("least days before a key that was deleted is gone"),
  dataProtected: z.boolean().describe("whether data must be protected against deletion"),
  snapshotsKept: z.int().nonnegative().describe("least snapshots of each disk; 0: none are needed"),
  terminationProtected: z.boolean(),
  budgetRequired: z.boolean(),
  alarmsRequired: z.boolean(),
  userDataReserve: z.int().nonnegative().describe("bytes that must be left of EC2's limit"),
});

const exceptionSchema = z
  .strictObject({
    rule: z.string().min(1),
    stack: z.string().min(1),
    resource: z.string().min(1).describe("name of the resource; * for all"),
    reason: z.string().min(15, "is too short: say in a sentence why"),
    by: z.string().min(2),
    since: day,
    until: day,
  })
  .refine(({ since, until }) => Date.parse(since) < Date.parse(until), "ends before it begins")
  .refine(
    ({ since, until }) => Date.parse(until) - Date.parse(since) <= LONGEST_EXCEPTION * DAY,
    `lasts longer than ${LONGEST_EXCEPTION} days`,
  );

const settingsSchema = z.strictObject({
  default: limitsSchema,
  stacks: z.record(z.string(), limitsSchema.partial()),
  exceptions: z.array(exceptionSchema),
});

export type Limits = z.infer<typeof limitsSchema>;
export type Exception = z.infer<typeof exceptionSchema>;
export type PolicySettings = z.infer<typeof settingsSchema>;

/**
 * Reads settings.
 *
 * @param rules names of all rules; undefined: names are not checked
 * @throws Error with all problems, one a line
 */
export function readPolicySettings(text: string, rules?: readonly string[]): PolicySettings {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new Error(`policy/settings.yaml: ${document.errors.map(({ message }) => message).join("\n")}`);
  const parsed = settingsSchema.safeParse(document.toJS());
  const problems = parsed.success
    ? unknownRules(parsed.data, rules)
    : parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the file"}: ${message}`);
  if (!parsed.success || problems.length > 0)
    throw new Error(problems.map((problem) => `policy/settings.yaml: ${problem}`).join("\n"));
  return parsed.data;
}

function unknownRules(settings: PolicySettings, rules: readonly string[] | undefined): string[] {
  if (rules === undefined) return [];
  const named = [
    ...settings.exceptions.map(({ rule }, i) => ({ at: `exceptions.${i}.rule`, rule })),
    ...Object.keys(settings.default.levels).map((rule) => ({ at: "default.levels", rule })),
    ...Object.entries(settings.stacks).flatMap(([stack, { levels = {} }]) =>
      Object.keys(levels).map((rule) => ({ at: `stacks.${stack}.levels`, rule })),
    ),
  ];
  return named
    .filter(({ rule }) => !rules.includes(rule))
    .map(({ at, rule }) => `${at}: there is no rule ${JSON.stringify(rule)}. There are: ${rules.join(", ")}`);
}

/** The project and stack of the account itself (`infra/bootstrap/names.ts`), and the name that they have in the settings. */
const [ACCOUNT_PROJECT, ACCOUNT_STACK] = ["cloister-bootstrap", "bootstrap"];
export const ACCOUNT = `${ACCOUNT_PROJECT}/${ACCOUNT_STACK}`;

/**
 * The name by which the settings know a stack. The account's settings are looser: no other stack gets them, neither one
 * of that project nor one with such a name. Settings name no other stack with a slash.
 */
export function settingsName(project = "", stack = ""): string {
  return project === ACCOUNT_PROJECT && stack === ACCOUNT_STACK ? ACCOUNT : stack.replaceAll("/", "%2F");
}

/** The limits of a stack: the default's, and what the stack has of its own. */
export function limitsOf(settings: PolicySettings, stack: string): Limits {
  const own = Object.hasOwn(settings.stacks, stack) ? (settings.stacks[stack] ?? {}) : {};
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...settings.default, ...given, levels: { ...settings.default.levels, ...own.levels } };
}

/** The level of a rule for a stack. */
export function levelOf(settings: PolicySettings, stack: string, rule: string): PolicyLevel {
  const { level, levels } = limitsOf(settings, stack);
  return (Object.hasOwn(levels, rule) ? levels[rule] : undefined) ?? level;
}

/** An exception holds until the end of its last day, in UTC. */
export function exceptionState({ since, until }: Exception, now: Date): "in force" | "expired" | "not yet" {
  if (now.getTime() < Date.parse(since)) return "not yet";
  return now.getTime() < Date.parse(until) + DAY ? "in force" : "expired";
}

/** The exceptions of a stack, those that end first before others. */
export function exceptionsOf(settings: PolicySettings, stack: string): Exception[] {
  return settings.exceptions
    .filter((one) => one.stack === stack)
    .sort((a, b) => (a.until < b.until ? -1 : a.until > b.until ? 1 : a.rule < b.rule ? -1 : 1));
}
