import { dataRows, diagnosticRows, refusesIn } from "../change-set/build.ts";
import type { ChangeDocument } from "../change-set/document.ts";
import { readState } from "../change-set/state.ts";
import type { Engine } from "../engine.ts";
import type { Refreshed } from "../events/refresh.ts";
import { iamChanges } from "../parts/iam.ts";
import { networkChanges } from "../parts/network.ts";
import { Scrubber } from "../secrets/scrub.ts";
import { lookSteadily } from "../steady.ts";
import { findDrift } from "./find.ts";
import { lookForDrift } from "./run.ts";

/** The inputs of a document about drift. */
export interface DriftInputs {
  readonly stack: string;
  readonly refreshed: Refreshed;
  /** Text of `pulumi stack export`. */
  readonly state: string;
  /** Text of Pulumi.STACK.yaml. */
  readonly config: string;
  readonly run?: { readonly commit?: string; readonly at?: string };
  /** Credentials of the run. They are removed from every text of the output. */
  readonly secrets?: readonly string[];
  /** Further reasons why the look is not complete. */
  readonly doubts?: readonly string[];
}

/** Builds the document of a look for drift: the same as a preview's, in which nothing is to be changed. */
export function buildDriftDocument(inputs: DriftInputs): ChangeDocument {
  const { stack, refreshed, config, run = {} } = inputs;
  const scrubber = new Scrubber(inputs.secrets);
  const state = readState(inputs.state);
  const time = run.at ?? "";
  const { section, fates, changed, digest } = findDrift(refreshed, {
    state,
    scrubber,
    at: time,
    refuses: refusesIn(config),
  });
  const errors = refreshed.diagnostics.some(({ severity }) => severity === "error");
  const result = errors && refreshed.result === "succeeded" ? "failed" : refreshed.result;
  const doubts = [...refreshed.doubts, ...(inputs.doubts ?? [])].map((one) => scrubber.text(one));
  return {
    version: 1,
    project: "cloister",
    stack: scrubber.text(stack),
    command: "drift",
    result,
    commit: run.commit ?? "",
    base: "",
    at: time,
    state: { sha256: state.sha256, time: state.time },
    digest,
    complete: doubts.length === 0 && result === "succeeded",
    doubts,
    counts: {
      replaced: 0,
      deleted: 0,
      updated: 0,
      created: 0,
      same: section.looked - new Set(section.found.map(({ urn }) => urn)).size,
      onlyOrder: 0,
    },
    data: dataRows(fates, scrubber),
    renames: [],
    machines: [],
    things: [],
    exposures: [],
    programChanged: false,
    changes: [],
    cloudInit: [],
    iam: iamChanges(changed, scrubber),
    network: networkChanges(changed, scrubber),
    config: [],
    cost: null,
    policies: { packs: [], wholeStack: true, results: [], exceptions: [] },
    rights: null,
    pending: null,
    drift: section,
    rehearsed: false,
    diagnostics: diagnosticRows(refreshed.diagnostics, scrubber),
  };
}

/** Looks for the drift of a stack. When its state moves meanwhile, it looks once more. */
export async function driftOfStack(
  engine: Engine,
  inputs: Omit<DriftInputs, "state" | "refreshed">,
  report: (line: string) => void = () => {},
): Promise<ChangeDocument> {
  const { stack } = inputs;
  const { state, seen, hasMoved } = await lookSteadily(
    engine,
    stack,
    () => lookForDrift(engine, stack),
    () => report("the state moved meanwhile: once more"),
  );
  const doubts = hasMoved ? ["the state moved meanwhile: something deploys this stack"] : [];
  return buildDriftDocument({ ...inputs, state, refreshed: seen, doubts });
}

/** Tells whether something was found. */
export function hasDrifted({ drift, data }: ChangeDocument): boolean {
  return (drift?.found.length ?? 0) > 0 || data.length > 0;
}
