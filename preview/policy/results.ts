import type { Policies, PolicyResult } from "../change-set/document.ts";
import { nameOf } from "../change-set/names.ts";
import type { Collected, PolicyWord } from "../events/merge.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import {
  exceptionState,
  exceptionsOf,
  levelOf,
  type PolicySettings,
  readPolicySettings,
  settingsName,
} from "./settings.ts";

/** The policy SDK's words for a rule that needs a value that is not known yet (@pulumi/policy, server.ts). */
const NOT_DECIDED =
  /^can't run policy '[^']*' from policy pack '[^']*' during preview: \w+ value at \.(.*) can't be known/;
/** The pack's report of its exceptions. They are in the settings, with more. */
const EXCEPTIONS = "exceptions";
const LEVELS = ["mandatory", "advisory", "disabled"] as const;
const ORDER = { failed: 0, "not-decided": 1, passed: 2 } as const;
const SEVERITIES = ["critical", "high", "medium", "low", ""];

/** The stack, the text of the pack's settings, and the time of the run. */
export interface Asked {
  readonly stack: string;
  readonly policySettings?: string;
  readonly run?: { readonly at?: string };
}

/** What the policy packs said, rule by rule: what failed, what nobody knows yet, what passed. */
export function policyResults(collected: Collected, inputs: Asked, scrubber: Scrubber): Policies {
  const text = (value: string): string => scrubber.text(value);
  const settings = inputs.policySettings === undefined ? undefined : readPolicySettings(inputs.policySettings);
  // The pack takes its levels and exceptions by this name.
  const stack = settingsName(projectIn(collected), inputs.stack);
  const results = new Map<string, PolicyResult>();
  const resultOf = (pack: string, policy: string, word?: PolicyWord): PolicyResult => {
    const key = JSON.stringify([pack, policy]);
    const have = results.get(key);
    const level = levelIn(settings, stack, policy, word);
    const { passed = 0, findings = [], undecided = [] } = have ?? {};
    const result: PolicyResult = {
      pack: text(pack),
      policy: text(policy),
      // A rule that is not decided is told as advisory, whatever it is.
      level: settings === undefined && have?.level === "mandatory" ? "mandatory" : level,
      severity: text(word?.severity ?? have?.severity ?? ""),
      state: "passed",
      passed,
      findings,
      undecided,
    };
    results.set(key, result);
    return result;
  };
  for (const { pack, policy, passed } of collected.policyCounts)
    if (policy !== EXCEPTIONS) resultOf(pack, policy).passed = passed;
  for (const word of collected.policies) {
    const { pack, policy, urn, message } = word;
    if (policy === EXCEPTIONS) continue;
    const result = resultOf(pack, policy, word);
    const on = text(urn === "" ? "" : nameOf(urn));
    const [, path] = NOT_DECIDED.exec(message) ?? [];
    if (path === undefined) result.findings.push({ on, message: text(message) });
    else result.undecided.push({ on, path: text(path) });
  }
  const all = [...results.values()].map(
    (one): PolicyResult => ({
      ...one,
      state: one.findings.length > 0 ? "failed" : one.undecided.length > 0 ? "not-decided" : "passed",
    }),
  );
  return {
    packs: collected.packs.map(text),
    wholeStack: collected.packs.every((pack) => collected.packsWithStack.includes(pack)),
    results: all.sort(
      (a, b) =>
        ORDER[a.state] - ORDER[b.state] ||
        LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        (`${a.pack} ${a.policy}` < `${b.pack} ${b.policy}` ? -1 : 1),
    ),
    exceptions: settings === undefined ? [] : exceptionRows(settings, { ...inputs, stack }, text),
  };
}

/** The project of a run, which the engine's URNs have: `urn:pulumi:STACK::PROJECT::...`. */
const projectIn = ({ resources }: Collected): string =>
  (resources.find((one) => one.new !== undefined) ?? resources[0])?.urn.split("::")[1] ?? "";

function levelIn(
  settings: PolicySettings | undefined,
  stack: string,
  policy: string,
  word: PolicyWord | undefined,
): PolicyResult["level"] {
  if (settings !== undefined) return levelOf(settings, stack, policy);
  return LEVELS.find((level) => level === word?.level) ?? "advisory";
}

function exceptionRows(
  settings: PolicySettings,
  { stack, run }: Asked,
  text: (value: string) => string,
): Policies["exceptions"] {
  const now = new Date(run?.at ?? 0);
  return exceptionsOf(settings, stack).map((one) => ({
    policy: text(one.rule),
    on: text(one.resource),
    reason: text(one.reason),
    by: text(one.by),
    since: one.since,
    until: one.until,
    state: exceptionState(one, now),
  }));
}
