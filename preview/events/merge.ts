import { COLOURS, type Diagnostic, diagnosticsIn, eventIn, jsonIn } from "./line.ts";
import type { EngineState, EngineStep, PolicySummary } from "./schema.ts";

/** The engine's plan for a resource: all of its steps together. */
export type Operation = "create" | "update" | "delete" | "replace" | "same";

/** All steps of one resource. */
export interface Merged {
  readonly urn: string;
  readonly type: string;
  readonly op: Operation;
  /** The resource in the state; absent when it is created. */
  readonly old?: EngineState;
  /** The resource that the program wants; absent when it is deleted. */
  readonly new?: EngineState;
  /** Properties that force the replacement, sorted. */
  readonly keys: readonly string[];
  /** Kinds of the provider's differences by property path; undefined when it gave none. */
  readonly detailed?: Readonly<Record<string, string>>;
  /** Properties that differ by the engine's own word: of a secret it alone can tell. */
  readonly diffs: readonly string[];
  /** True when it is in the account already, and comes under the stack. */
  readonly isImported: boolean;
}

/** One policy's message about one resource. */
export interface PolicyWord {
  readonly urn: string;
  readonly pack: string;
  readonly policy: string;
  readonly level: string;
  readonly severity: string;
  readonly message: string;
}

/** The resources that a policy has passed, and whether it was asked about the whole stack. */
export interface PolicyCount {
  readonly pack: string;
  readonly policy: string;
  readonly passed: number;
}

/** The result of a stream of events. It does not depend on the events' order. */
export interface Collected {
  readonly resources: readonly Merged[];
  readonly diagnostics: readonly Diagnostic[];
  readonly policies: readonly PolicyWord[];
  readonly policyCounts: readonly PolicyCount[];
  /** Packs that were asked about the whole stack: the engine leaves that out when something failed before. */
  readonly packsWithStack: readonly string[];
  readonly packs: readonly string[];
  readonly result: "succeeded" | "failed" | "canceled" | "incomplete";
  /** Errors of the stream itself: a preview that has one must not be approved. */
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
/** When a resource has two operations, the later one in this list counts. */
const WEIGHT: readonly Operation[] = ["same", "update", "create", "delete", "replace"];
const LOGICAL: Readonly<Record<string, Operation>> = {
  create: "create",
  import: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
};

interface Growing {
  type: string;
  op: Operation;
  /** True while we have seen only the deletion of a replaced resource. */
  onlyEnd: boolean;
  old?: EngineState;
  new?: EngineState;
  keys: Set<string>;
  diffs: Set<string>;
  isImported: boolean;
  detailed?: Record<string, string>;
}

/** Reads events one by one, and keeps only the necessary facts of each resource. */
export class Collector {
  readonly #resources = new Map<string, Growing>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #policies: PolicyWord[] = [];
  readonly #passed = new Map<string, PolicyCount>();
  readonly #packs = new Map<string, boolean>();
  readonly #doubts = new Set<string>();
  readonly #texts = new Map<string, string>();
  #summary: { result: string; resourceChanges: Record<string, number> } | undefined;

  /** Takes one line of the stream. It skips lines that are no event, because installers print before the stream. */
  add(line: string): void {
    // Half of the events say after each step that the preview would have done it. They hold nothing new: we skip them.
    if (/^\{"sequence":\d+,"timestamp":\d+,"resOutputsEvent"/.test(line)) return;
    const json = jsonIn(line, this.#doubts);
    if (json === undefined) return;
    const event = eventIn(json, this.#doubts);
    if (event === undefined) return;
    const { resourcePreEvent, resOpFailedEvent, policyEvent, summaryEvent } = event;
    const { policyAnalyzeSummaryEvent, policyAnalyzeStackSummaryEvent } = event;
    if (resourcePreEvent) this.#step(resourcePreEvent.metadata);
    if (resOpFailedEvent) this.#step(resOpFailedEvent.metadata);
    this.#diagnostics.push(...diagnosticsIn(event));
    if (policyEvent) {
      const { resourceUrn, policyPackName, policyName, enforcementLevel, severity, message } = policyEvent;
      this.#policies.push({
        urn: resourceUrn,
        pack: policyPackName,
        policy: policyName,
        level: enforcementLevel,
        severity,
        message: message.replace(COLOURS, "").trim(),
      });
    }
    if (policyAnalyzeSummaryEvent) this.#count(policyAnalyzeSummaryEvent, false);
    if (policyAnalyzeStackSummaryEvent) this.#count(policyAnalyzeStackSummaryEvent, true);
    if (summaryEvent) this.#summary = summaryEvent;
  }

  finish(): Collected {
    // A resource with an alias ends under its former name.
    const former = new Set([...this.#resources.values()].flatMap((one) => (one.new && one.old ? [one.old.urn] : [])));
    const resources: Merged[] = [];
    let leftovers = 0;
    for (const [urn, { keys, diffs, onlyEnd, ...rest }] of this.#resources) {
      if (onlyEnd && former.has(urn)) continue;
      // An update that did not finish left this resource.
      if (onlyEnd) leftovers++;
      resources.push({
        urn,
        ...rest,
        ...(onlyEnd ? { op: "delete" as const } : {}),
        keys: [...keys].sort(),
        diffs: [...diffs].sort(),
      });
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
      policyCounts: [...this.#passed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count),
      packs: [...this.#packs.keys()].sort(),
      packsWithStack: [...this.#packs].flatMap(([pack, isWhole]) => (isWhole ? [pack] : [])).sort(),
      result,
      doubts: [...this.#doubts].sort(),
    };
  }

  #count(summary: PolicySummary, isStack: boolean): void {
    const { policyPackName: pack, passed } = summary;
    this.#packs.set(pack, isStack || this.#packs.get(pack) === true);
    for (const policy of passed ?? []) {
      const key = JSON.stringify([pack, policy]);
      this.#passed.set(key, { pack, policy, passed: (this.#passed.get(key)?.passed ?? 0) + 1 });
    }
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
      diffs: new Set<string>(),
      isImported: false,
    };
    if (step.op !== "delete-replaced" && step.op !== "discard-replaced") have.onlyEnd = false;
    if (WEIGHT.indexOf(op) > WEIGHT.indexOf(have.op)) have.op = op;
    // Not every step of a replacement has both states.
    if (step.old) have.old ??= this.#slim(step.old);
    if (step.new) have.new ??= this.#slim(step.new);
    for (const key of step.keys ?? []) have.keys.add(key);
    for (const key of step.diffs ?? []) have.diffs.add(key);
    if (step.op === "import" || step.op === "import-replacement") have.isImported = true;
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

/** Tells whether a resource is a provider that the engine makes by itself. */
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
