import { actionsOf } from "../../rehearsal/actions.ts";
import type { Rights } from "../change-set/document.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { type Circumstances, decide, type PolicyStatement } from "./policy.ts";

/** A call that a rehearsed deploy made. */
export interface RehearsedCall {
  readonly urn: string;
  readonly service: string;
  readonly operation: string;
}

/** Holds the calls of a rehearsed deploy against the deployer's policies. */
export function rightsOf(
  calls: readonly RehearsedCall[],
  statements: readonly PolicyStatement[],
  circumstances: Circumstances,
  from: string,
  scrubber: Scrubber,
): Rights {
  const needs = new Map<string, Set<string>>();
  for (const call of calls) {
    const on =
      call.urn === ""
        ? "the program"
        : `${shortType(call.urn.split("::")[2]?.split("$").at(-1) ?? "")} ${nameOf(call.urn)}`;
    for (const action of actionsOf([call])) needs.set(action, (needs.get(action) ?? new Set()).add(on));
  }
  const missing = [...needs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([action, on]) => {
      const decision = decide(statements, action, circumstances);
      if (decision.is === "allowed") return [];
      return [
        {
          action: scrubber.text(action),
          denied: decision.is === "denied",
          on: [...on].sort().map((one) => scrubber.text(one)),
        },
      ];
    });
  return { from: scrubber.text(from), needed: needs.size, missing };
}
