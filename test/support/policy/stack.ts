/** A stack of the recorded previews, as the policy pack sees it: good resources, to be changed in one property. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { judge, judgeStack } from "../../../policy/core/judge.ts";
import { isStackRule, type Judgement, type Resource, type World } from "../../../policy/core/rule.ts";
import { Value } from "../../../policy/core/value.ts";
import { RULES } from "../../../policy/rules/index.ts";
import { type Limits, limitsOf, readPolicySettings } from "../../../preview/policy/settings.ts";
import { readRecorded } from "../preview/recorded.ts";

export const SETTINGS_FILE = new URL("../../../policy/settings.yaml", import.meta.url);

interface StateResource {
  readonly type: string;
  readonly urn: string;
  readonly parent?: string;
  readonly protect?: boolean;
  readonly inputs?: Record<string, unknown>;
}

const recorded = readRecorded("on-destroy-loosened");
const state = (JSON.parse(recorded.state) as { deployment: { resources: StateResource[] } }).deployment.resources;

export type Props = Record<string, unknown>;
export interface Good {
  readonly type: string;
  readonly name: string;
  readonly protect: boolean;
  readonly props: Props;
  readonly urn: string;
  readonly parent: string;
}

/** All resources of the stack, each time anew. */
export const goodStack = (): Good[] =>
  state.map(({ type, urn, parent = "", protect = false, inputs = {} }) => ({
    type,
    name: urn.split("::").at(-1) ?? "",
    urn,
    parent,
    protect,
    props: structuredClone(inputs),
  }));

const config = Object.fromEntries(
  Object.entries((parse(recorded.base) as { config: Props }).config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]),
);

/** The limits that prod has, for the stack dev, whose images moto dates. */
export function worldOf(change: Partial<Limits> = {}, more: Partial<World> = {}): World {
  const settings = readPolicySettings(readFileSync(SETTINGS_FILE, "utf8"));
  const limits = {
    ...limitsOf(settings, "prod"),
    requiredTags: ["cloister:stack"],
    snapshotsKept: 7,
    terminationProtected: false,
  };
  return {
    stack: "dev",
    limits: { ...limits, retentionDays: 30, budgetRequired: false, ...change },
    exceptions: [],
    config,
    now: new Date("2026-02-01T00:00:00Z"),
    ...more,
  };
}

const resourceOf = ({ props, ...rest }: Good): Resource => ({ ...rest, props: new Value(props) });

/** What a rule says of a stack: findings in words, and the properties that are not known. */
export function said(
  name: string,
  stack: readonly Good[],
  world: World,
): { findings: string[]; undecided: string[]; judgements: Judgement[] } {
  const rule = RULES.find((one) => one.name === name);
  if (!rule) throw new Error(`there is no rule ${name}`);
  const resources = stack.map(resourceOf);
  const judgements = isStackRule(rule)
    ? [judgeStack(rule, resources, world)]
    : resources.map((resource) => judge(rule, resource, world));
  return {
    findings: judgements.flatMap(({ findings }) => findings.map(({ what }) => what)),
    undecided: judgements.flatMap(({ undecided }) => (undecided === undefined ? [] : [undecided])),
    judgements: judgements.filter(({ applies }) => applies),
  };
}
