import { type Exception, exceptionState } from "../../preview/policy/settings.ts";
import { type Finding, isStackRule, type Judgement, type Resource, type Rule, type World } from "./rule.ts";
import { Undecided } from "./value.ts";

/** Holds a rule against one resource. A stack rule is not about one: see {@link judgeStack}. */
export function judge(rule: Rule, resource: Resource, world: World): Judgement {
  if (isStackRule(rule) || !(rule.types === "all" || rule.types.includes(resource.type)))
    return { findings: [], applies: false };
  return collect(rule, resource, world, (report) => void rule.check(resource, report, world));
}

/** Holds a stack rule against all resources. */
export function judgeStack(rule: Rule, resources: readonly Resource[], world: World): Judgement {
  if (!isStackRule(rule)) return { findings: [], applies: false };
  return collect(rule, undefined, world, (report) => rule.checkStack(resources, report, world));
}

function collect(
  rule: Rule,
  resource: Resource | undefined,
  world: World,
  run: (report: (what: string, on?: Resource) => void) => unknown,
): Judgement {
  const findings: Finding[] = [];
  const report = (what: string, on: Resource | undefined = resource): void => {
    findings.push({ what, resource: on, ...exceptionsFor(rule, on, world) });
  };
  try {
    const applies = run(report) !== false;
    return { findings, applies };
  } catch (error) {
    if (!(error instanceof Undecided)) throw error;
    return { findings, applies: true, undecided: error.path };
  }
}

function exceptionsFor(
  rule: Rule,
  resource: Resource | undefined,
  world: World,
): Pick<Finding, "exception" | "expired"> {
  const meant = world.exceptions.filter(
    (one) =>
      one.rule === rule.name &&
      one.stack === world.stack &&
      (one.resource === "*" || (resource !== undefined && one.resource === resource.name)),
  );
  const find = (state: string): Exception | undefined => meant.find((one) => exceptionState(one, world.now) === state);
  const exception = find("in force");
  if (exception) return { exception };
  const expired = find("expired");
  return expired ? { expired } : {};
}
