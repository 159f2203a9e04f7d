/** Hands the rules to Pulumi's policy SDK. See docs/policy-pack.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Policies, PolicyPack, type ReportViolation, type ResourceValidationArgs } from "@pulumi/policy";
import deserialize from "@pulumi/policy/deserialize.js";
import * as proxy from "@pulumi/policy/proxy.js";
import type { AnalyzeRequest } from "@pulumi/pulumi/proto/analyzer_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { exceptionsOf, levelOf, limitsOf, readPolicySettings, settingsName } from "../preview/policy/settings.ts";
import { whenConfigured } from "./core/configured.ts";
import { judge, judgeStack } from "./core/judge.ts";
import { OnlyAsked } from "./core/only-asked.ts";
import { type Read, readOnce } from "./core/read-once.ts";
import { isStackRule, type Judgement, type Resource, type Rule, type World } from "./core/rule.ts";
import { judgingOnly, leaveUnread } from "./core/unread.ts";
import { Value } from "./core/value.ts";
import { exceptionLines, sentence } from "./core/words.ts";
import { RULES } from "./rules/index.ts";

/** The SDK's error for a value that is not known in a preview. Its types leave it out. */
const { UnknownValueError, unknownStringValue } = proxy as unknown as {
  readonly UnknownValueError: new (mark: string, path: readonly string[]) => Error;
  readonly unknownStringValue: string;
};

/** The SDK looks it up at each call. Its types leave it out. */
const sdk = deserialize as { deserializeProperties: Read };
sdk.deserializeProperties = readOnce(sdk.deserializeProperties);
leaveUnread();

const folder = import.meta.dirname;
const settings = readPolicySettings(
  readFileSync(join(folder, "settings.yaml"), "utf8"),
  RULES.map(({ name }) => name),
);

function worldOf(stack: string, config: Readonly<Record<string, string>>): World {
  return {
    stack,
    limits: limitsOf(settings, stack),
    exceptions: exceptionsOf(settings, stack),
    config,
    now: new Date(),
  };
}

/** At first what the environment says: an older engine does not call. */
const { PULUMI_NODEJS_PROJECT, PULUMI_NODEJS_STACK, PULUMI_CONFIG = "{}" } = process.env;
let told = PULUMI_NODEJS_STACK
  ? worldOf(
      settingsName(PULUMI_NODEJS_PROJECT, PULUMI_NODEJS_STACK),
      JSON.parse(PULUMI_CONFIG) as Record<string, string>,
    )
  : undefined;

/** @throws Error when nobody has said for which stack this pack judges: its levels, limits and exceptions are the stack's */
function world(): World {
  if (told) return told;
  throw new Error(
    "the engine asks for a judgement and has not said for which stack: use one of version 3.245 or newer",
  );
}

/** What the program has registered in this run, by URN: rules about the whole stack look at it. */
const registered = new Map<string, Resource>();
/** Findings that an exception covers. They are told at the end, and hinder nothing. */
const excepted: { readonly rule: string; readonly judgement: Judgement }[] = [];

function register(request: AnalyzeRequest): void {
  const options = request.getOptions();
  registered.set(request.getUrn(), {
    type: request.getType(),
    name: request.getName(),
    urn: request.getUrn(),
    parent: options?.getParent() ?? "",
    protect: options?.getProtect() ?? false,
    props: new Value(sdk.deserializeProperties(request.getProperties() ?? new Struct(), false)),
  });
}

/** A rule's own reader of values knows the path of what is not known. The SDK's proxy throws at it. */
function resourceOf({ urn }: ResourceValidationArgs): Resource {
  const resource = registered.get(urn);
  if (resource) return resource;
  throw new Error(`${urn}: is judged, and was not asked for`);
}

function tell(rule: Rule, judgement: Judgement, report: ReportViolation): void {
  for (const { what, resource, exception, expired } of judgement.findings) {
    if (exception) continue;
    const late = expired ? `The exception for it ended on ${expired.until}.` : "";
    report(sentence(rule, resource?.name ?? "", what, late), resource?.urn);
  }
  if (judgement.findings.some(({ exception }) => exception)) excepted.push({ rule: rule.name, judgement });
  if (judgement.undecided !== undefined) throw new UnknownValueError(unknownStringValue, [judgement.undecided]);
}

/** The SDK's errors that say "not applicable", by their reason. Most rules do not apply to most resources: one is made, not thousands. */
const leftOut = new Map<string, unknown>();

function leaveOut(args: { readonly notApplicable: (reason?: string) => never }, reason: string): never {
  if (!leftOut.has(reason)) {
    try {
      args.notApplicable(reason);
    } catch (error) {
      leftOut.set(reason, error);
    }
  }
  throw leftOut.get(reason);
}

const asked = new OnlyAsked(register);

/** The one type of a rule, or a text that is no type where the resource that is judged is of none of them. */
function mark(types: readonly string[]): string | undefined {
  if (types.length === 1) return types[0];
  return asked.type === undefined || types.includes(asked.type) ? undefined : `${types[0]} or ${types.length - 1} more`;
}

const ruled: Policies = RULES.map((rule) => {
  const about = {
    name: rule.name,
    description: rule.reason,
    enforcementLevel: levelOf(settings, told?.stack ?? "", rule.name),
    severity: rule.severity,
    remediationSteps: rule.remedy,
    url: rule.link,
  };
  if (isStackRule(rule)) {
    return {
      ...about,
      validateStack: (args, report) => {
        const judgement = judgeStack(rule, [...registered.values()], world());
        if (!judgement.applies) leaveOut(args, "the rule is not about this stack");
        tell(rule, judgement, report);
      },
    };
  }
  const validateResource = (args: ResourceValidationArgs, report: ReportViolation): void => {
    const judgement = judge(rule, resourceOf(args), world());
    if (!judgement.applies) leaveOut(args, "the rule is not about this type");
    tell(rule, judgement, report);
  };
  // With this mark the SDK skips resources of other types before it reads their properties.
  const { types } = rule;
  if (types !== "all") Object.defineProperty(validateResource, "__pulumiType", { get: () => mark(types) });
  return { ...about, validateResource };
});

const policies = judgingOnly([
  ...ruled,
  {
    name: "exceptions",
    description: "Rules that are left out for a time.",
    enforcementLevel: "advisory",
    severity: "low",
    validateStack: (_args, report) => {
      const used = excepted.map(({ rule, judgement }) => ({ rule, findings: judgement.findings }));
      for (const line of exceptionLines(world(), used)) report(line);
    },
  },
]);

const names = new Set(RULES.map(({ name }) => name));
whenConfigured((named, config, project) => {
  const stack = settingsName(project, named);
  told = worldOf(stack, config);
  // The SDK looks the level up at each call.
  for (const policy of policies.filter(({ name }) => names.has(name)))
    policy.enforcementLevel = levelOf(settings, stack, policy.name);
});

new PolicyPack("cloister", { policies });
