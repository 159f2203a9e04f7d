import { type Exception, exceptionState } from "../../preview/policy/settings.ts";
import type { Finding, Rule, World } from "./rule.ts";

/** A violation in one sentence, with what to do about it. */
export function sentence(rule: Rule, name: string, what: string, late = ""): string {
  const who = name === "" ? "" : `${name}: `;
  return [`${who}${what}.`, late, `${rule.remedy} (${rule.link})`].filter(Boolean).join(" ");
}

/** One line for each exception of the stack: whether it holds, until when, and what it covers in this run. */
export function exceptionLines(
  { exceptions, now }: Pick<World, "exceptions" | "now">,
  used: readonly { readonly rule: string; readonly findings: readonly Finding[] }[],
): string[] {
  return exceptions.map((one) => {
    const covered = used
      .flatMap(({ findings }) => findings)
      .filter(({ exception }) => exception === one)
      .map(({ resource }) => resource?.name ?? "the stack");
    return `${one.rule} for ${one.resource === "*" ? "all" : one.resource}, ${stateOf(one, now)}: ${one.reason} (${one.by}, ${one.since}). ${coverage(covered)}`;
  });
}

function stateOf(exception: Exception, now: Date): string {
  const state = exceptionState(exception, now);
  if (state === "expired") return `expired on ${exception.until}`;
  return state === "not yet" ? `from ${exception.since}` : `until ${exception.until}`;
}

function coverage(names: readonly string[]): string {
  const some = [...new Set(names)];
  if (some.length === 0) return "It covers nothing in this run.";
  return `It covers ${some.slice(0, 5).join(", ")}${some.length > 5 ? ` and ${some.length - 5} more` : ""}.`;
}
