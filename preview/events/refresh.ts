/** The events of a refresh: the state against the world. */
import { z } from "zod";
import { type Diagnostic, diagnosticsIn, eventIn, jsonIn } from "./line.ts";
import type { Collected } from "./merge.ts";
import { type EngineState, stateSchema } from "./schema.ts";

/** A resource as the state has it, and as it is in the account. */
export interface Looked {
  readonly urn: string;
  readonly type: string;
  readonly old: LookedState;
  /** Absent: it is gone. */
  readonly new?: LookedState;
  /** The provider's differences of inputs by path. Undefined: it found none. */
  readonly detailed?: Readonly<Record<string, string>>;
}

export type LookedState = EngineState & { readonly outputs: Readonly<Record<string, unknown>> };

/** The result of a refresh's events. */
export interface Refreshed {
  readonly resources: readonly Looked[];
  readonly diagnostics: readonly Diagnostic[];
  readonly result: Collected["result"];
  readonly doubts: readonly string[];
}

const lookedSchema = stateSchema.extend({
  outputs: z.custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null).default({}),
});

const outputsEventSchema = z.object({
  resOutputsEvent: z.object({
    metadata: z.object({
      op: z.string(),
      urn: z.string(),
      type: z.string(),
      old: lookedSchema.nullish(),
      new: lookedSchema.nullish(),
      detailedDiff: z.record(z.string(), z.object({ diffKind: z.string() })).nullish(),
    }),
  }),
});

/**
 * Reads the events of `pulumi refresh --preview-only --json` one by one. Each resource ends with an event that has the
 * state and the world. The engine calls a resource `same` when only outputs differ: so we look at those too.
 */
export class RefreshCollector {
  readonly #resources = new Map<string, Looked>();
  readonly #begun = new Map<string, string>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #doubts = new Set<string>();
  #result: string | undefined;

  /** Takes one line. It skips lines that are no event. */
  add(line: string): void {
    const json = jsonIn(line, this.#doubts);
    if (json === undefined) return;
    if (typeof json === "object" && json !== null && "resOutputsEvent" in json) {
      const parsed = outputsEventSchema.safeParse(json);
      if (parsed.success) this.#looked(parsed.data.resOutputsEvent.metadata);
      else this.#doubts.add("an event of the engine is not as known: resOutputsEvent");
      return;
    }
    const event = eventIn(json, this.#doubts);
    if (event === undefined) return;
    const { resourcePreEvent, resOpFailedEvent, summaryEvent } = event;
    if (resourcePreEvent) this.#begun.set(resourcePreEvent.metadata.urn, resourcePreEvent.metadata.type);
    if (resOpFailedEvent) this.#doubts.add("a resource could not be looked at");
    this.#diagnostics.push(...diagnosticsIn(event));
    if (summaryEvent) this.#result = summaryEvent.result;
  }

  finish(): Refreshed {
    const known = ["succeeded", "failed", "canceled"] as const;
    const result = known.find((one) => one === this.#result) ?? "incomplete";
    if (this.#result === undefined)
      this.#doubts.add("the engine's stream ends without a summary: it was cut, or the engine was killed");
    // A resource that was not looked at may be gone: nothing that is missing may pass for no drift.
    const missing = [...this.#begun.keys()].filter((urn) => !this.#resources.has(urn));
    if (missing.length > 0)
      this.#doubts.add(`the engine began to look at ${missing.length} more resources, and did not end`);
    return {
      resources: [...this.#resources.values()].sort((a, b) => (a.urn < b.urn ? -1 : 1)),
      diagnostics: this.#diagnostics,
      result,
      doubts: [...this.#doubts].sort(),
    };
  }

  #looked(step: z.infer<typeof outputsEventSchema>["resOutputsEvent"]["metadata"]): void {
    const { op, urn, type, old, new: seen, detailedDiff } = step;
    if (!["same", "update", "delete", "refresh"].includes(op)) {
      this.#doubts.add(`the engine has a step that is not known: ${op}`);
      return;
    }
    if (!old) return;
    const isGone = op === "delete" || !seen;
    const paths = op === "same" || isGone ? undefined : Object.entries(detailedDiff ?? {});
    this.#resources.set(urn, {
      urn,
      type,
      old,
      ...(isGone ? {} : { new: seen }),
      ...(paths ? { detailed: Object.fromEntries(paths.map(([path, { diffKind }]) => [path, diffKind])) } : {}),
    });
  }
}

/** Reads a whole stream that is there already. */
export function collectRefresh(events: string): Refreshed {
  const collector = new RefreshCollector();
  for (const line of events.split("\n")) collector.add(line);
  return collector.finish();
}
