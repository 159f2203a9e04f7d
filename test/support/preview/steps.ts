import { buildDocument, type Inputs } from "../../../preview/change-set/build.ts";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { collect } from "../../../preview/events/merge.ts";

/** One step as the engine would send it. */
export interface Step {
  readonly type: string;
  readonly op: string;
  /** @default thing */
  readonly name?: string;
  /** URN of the component that it is part of. @default none */
  readonly parent?: string;
  /** @default id-1 */
  readonly id?: string;
  readonly old?: object | undefined;
  readonly new?: object | undefined;
  readonly protect?: readonly [boolean, boolean];
  readonly retain?: readonly [boolean, boolean];
  readonly keys?: readonly string[];
  readonly diffs?: readonly string[];
  readonly detailedDiff?: object;
}

export const urnOf = ({ type, name = "thing" }: Pick<Step, "type" | "name">): string =>
  `urn:pulumi:dev::cloister::${type}::${name}`;

/** The engine's events of steps. */
export function eventsOf(steps: readonly Step[], result = "succeeded"): string {
  const counts: Record<string, number> = {};
  const events: object[] = steps.map((step, i) => {
    const { type, op, parent = "", id = "id-1", protect = [false, false], retain = [false, false] } = step;
    const urn = urnOf(step);
    const state = (inputs: object | undefined, side: 0 | 1) =>
      inputs === undefined
        ? null
        : { type, urn, id, parent, inputs, protect: protect[side], retainOnDelete: retain[side] };
    if (op !== "same") counts[op] = (counts[op] ?? 0) + 1;
    const { keys, diffs, detailedDiff } = step;
    const metadata = { op, urn, type, old: state(step.old, 0), new: state(step.new, 1), keys, diffs, detailedDiff };
    return { sequence: i, timestamp: 1, resourcePreEvent: { metadata } };
  });
  events.push({ sequence: steps.length, timestamp: 1, summaryEvent: { result, resourceChanges: counts } });
  return events.map((event) => JSON.stringify(event)).join("\n");
}

/** A state that has what the steps find there. */
export function stateOf(steps: readonly Step[], more: object = {}): string {
  const resources = steps.flatMap((step) =>
    step.old === undefined
      ? []
      : [{ urn: urnOf(step), type: step.type, id: step.id ?? "id-1", parent: step.parent ?? "", inputs: step.old }],
  );
  return JSON.stringify({ version: 3, deployment: { manifest: { time: "" }, resources, ...more } });
}

const CONFIG = "config:\n  cloister:target: aws\n  cloister:region: eu-central-1\n";

/** The document of a preview of these steps. */
export function documentOfSteps(steps: readonly Step[], more: Partial<Inputs> = {}): ChangeDocument {
  return buildDocument({
    stack: "dev",
    command: "preview",
    collected: collect(eventsOf(steps)),
    state: stateOf(steps),
    base: CONFIG,
    head: CONFIG,
    run: { commit: "4f2c91e0", base: "e1a99037", at: "2026-11-27T12:00:00.000Z" },
    ...more,
  });
}
