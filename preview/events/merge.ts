import { type EngineState, type EngineStep, eventSchema } from "./schema.ts";

/** What the engine means to do with a resource, all of its steps taken together. */
export type Operation = "create" | "update" | "delete" | "replace" | "same";

/** All steps of one resource. */
export interface Merged {
  readonly urn: string;
  readonly type: string;
  readonly op: Operation;
  /** As the state has it; absent for what is created. */
  readonly old?: EngineState;
  /** As the program wants it; absent for what is deleted. */
  readonly new?: EngineState;
  /** Properties that force the replacement, sorted. */
  readonly keys: readonly string[];
  /** Kinds of the provider's differences by property path; undefined when it gave none. */
  readonly detailed?: Readonly<Record<string, string>>;
}

/** One message of the engine, a provider or the program. */
export interface Diagnostic {
  readonly severity: string;
  readonly urn: string;
  readonly message: string;
}

/** One policy's word on one resource. */
export interface PolicyWord {
  readonly urn: string;
  readonly pack: string;
  readonly policy: string;
  readonly level: string;
  readonly message: string;
}

/** What a stream of events comes to. The order in which events came is gone. */
export interface Collected {
  readonly resources: readonly Merged[];
  readonly diagnostics: readonly Diagnostic[];
  readonly policies: readonly PolicyWord[];
  readonly result: "succeeded" | "failed" | "canceled" | "incomplete";
  /** What is wrong with the stream itself: such a preview is not to be approved. */
  readonly doubts: readonly string[];
}

/** Steps, and the operation that they are part of. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  same: "same",
  create: "create",
  import: "create",
  update: "update",
  delete: "delete",
  discard: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  "discard-replaced": "replace",
  "import-replacement": "replace",
};
/** Steps that change nothing. */
const SILENT = ["read", "read-replacement", "refresh", "remove-pending-replace", "diff"];
/** Of two operations on one resource the weightier one counts. */
const WEIGHT: readonly Operation[] = ["same", "update", "create", "delete", "replace"];
const LOGICAL: Readonly<Record<string, Operation>> = {
  create: "create",
  import: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
};

/** Colours of the engine's messages, in its own notation and as a terminal has them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const COLOURS = /<\{%.*?%\}>|\u001b\[[0-9;]*m/g;

interface Growing {
  type: string;
  op: Operation;
  /** Whether nothing was seen but the end of what was replaced. */
  onlyEnd: boolean;
  old?: EngineState;
  new?: EngineState;
  keys: Set<string>;
  detailed?: Record<string, string>;
}

/** Reads events one by one; holds of each resource what is needed and no more. */
export class Collector {
  readonly #resources = new Map<string, Growing>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #policies: PolicyWord[] = [];
  readonly #doubts = new Set<string>();
  readonly #texts = new Map<string, string>();
  #summary: { result: string; resourceChanges: Record<string, number> } | undefined;

  /** One line of the stream; lines that are no event are left out: installers print before it. */
  add(line: string): void {
    // Half of a stream tells after each step that a preview would have done it: nothing that is not known before.
    if (!line.startsWith("{") || /^\{"sequence":\d+,"timestamp":\d+,"resOutputsEvent"/.test(line)) return;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      this.#doubts.add("a line of the engine's stream is no JSON: it was cut");
      return;
    }
    const parsed = eventSchema.safeParse(json);
    if (!parsed.success) {
      this.#doubts.add(`an event of the engine is not as known: ${parsed.error.issues[0]?.path.join(".") ?? ""}`);
      return;
    }
    const { resourcePreEvent, resOpFailedEvent, diagnosticEvent, policyEvent, summaryEvent } = parsed.data;
    if (resourcePreEvent) this.#step(resourcePreEvent.metadata);
    if (resOpFailedEvent) this.#step(resOpFailedEvent.metadata);
    if (diagnosticEvent && diagnosticEvent.severity !== "debug") {
      const { severity, urn, message } = diagnosticEvent;
      this.#diagnostics.push({ severity, urn, message: message.replace(COLOURS, "").trim() });
    }
    if (policyEvent) {
      const { resourceUrn, policyPackName, policyName, enforcementLevel, message } = policyEvent;
      this.#policies.push({
        urn: resourceUrn,
        pack: policyPackName,
        policy: policyName,
        level: enforcementLevel,
        message: message.replace(COLOURS, "").trim(),
      });
    }
    if (summaryEvent) this.#summary = summaryEvent;
  }

  finish(): Collected {
    // What has an alias ends under its former name.
    const former = new Set([...this.#resources.values()].flatMap((one) => (one.new && one.old ? [one.old.urn] : [])));
    const resources: Merged[] = [];
    let leftovers = 0;
    for (const [urn, { keys, onlyEnd, ...rest }] of this.#resources) {
      if (onlyEnd && former.has(urn)) continue;
      // Left by an update that did not come to its end.
      if (onlyEnd) leftovers++;
      resources.push({ urn, ...rest, ...(onlyEnd ? { op: "delete" as const } : {}), keys: [...keys].sort() });
    }
    resources.sort((a, b) => (a.urn < b.urn ? -1 : 1));
    const known = ["succeeded", "failed", "canceled"] as const;
    const result = known.find((one) => one === this.#summary?.result) ?? "incomplete";
    if (!this.#summary)
      this.#doubts.add("the engine's stream ends without a summary: it was cut, or the engine was killed");
    else this.#compare(resources, this.#summary.resourceChanges, leftovers);
    return {
      resources: resources.filter(({ urn }) => !isDefaultProvider(urn)),
      diagnostics: unique(this.#diagnostics),
      policies: unique(this.#policies),
      result,
      doubts: [...this.#doubts].sort(),
    };
  }

  #step(step: EngineStep): void {
    const op = OPERATIONS[step.op];
    if (op === undefined) {
      if (!SILENT.includes(step.op)) this.#doubts.add(`the engine has a step that is not known: ${step.op}`);
      return;
    }
    const have = this.#resources.get(step.urn) ?? {
      type: step.type,
      op: "same" as const,
      onlyEnd: true,
      keys: new Set<string>(),
    };
    if (step.op !== "delete-replaced" && step.op !== "discard-replaced") have.onlyEnd = false;
    if (WEIGHT.indexOf(op) > WEIGHT.indexOf(have.op)) have.op = op;
    // Of a replacement's steps not each has both.
    if (step.old) have.old ??= this.#slim(step.old);
    if (step.new) have.new ??= this.#slim(step.new);
    for (const key of step.keys ?? []) have.keys.add(key);
    if (step.detailedDiff) {
      have.detailed = { ...have.detailed };
      for (const [path, { diffKind }] of Object.entries(step.detailedDiff)) have.detailed[path] = diffKind;
    }
    this.#resources.set(step.urn, have);
  }

  /** User data is in the stream many times over, and need not be in memory as often. */
  #slim(state: EngineState): EngineState {
    return { ...state, inputs: this.#shared(state.inputs) as Record<string, unknown> };
  }

  #shared(value: unknown): unknown {
    if (typeof value === "string") {
      if (value.length < 200) return value;
      const have = this.#texts.get(value);
      if (have === undefined) this.#texts.set(value, value);
      return have ?? value;
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((one) => this.#shared(one));
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#shared(one)]));
  }

  /** The engine counts as well: a difference means that steps were lost or are not understood. */
  #compare(
    resources: readonly { op: Operation }[],
    counted: Readonly<Record<string, number>>,
    leftovers: number,
  ): void {
    const wanted: Record<string, number> = { delete: leftovers };
    for (const [op, count] of Object.entries(counted)) {
      const logical = LOGICAL[op];
      if (logical) wanted[logical] = (wanted[logical] ?? 0) + count;
    }
    for (const op of WEIGHT.slice(1)) {
      const have = resources.filter((one) => one.op === op).length;
      // A refused step is in the stream and not always in the summary.
      const failed = this.#summary?.result !== "succeeded";
      if (failed ? have < (wanted[op] ?? 0) : have !== (wanted[op] ?? 0))
        this.#doubts.add(`the engine counts ${wanted[op] ?? 0} of "${op}", its steps come to ${have}`);
    }
  }
}

/** Those that the engine makes by itself. */
function isDefaultProvider(urn: string): boolean {
  return /::pulumi:providers:[^:]+::default/.test(urn);
}

function unique<T>(list: readonly T[]): T[] {
  const seen = new Map(list.map((one) => [JSON.stringify(one), one]));
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Reads a whole stream that is there already. */
export function collect(events: string): Collected {
  const collector = new Collector();
  for (const line of events.split("\n")) collector.add(line);
  return collector.finish();
}
