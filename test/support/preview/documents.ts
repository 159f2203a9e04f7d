import { buildDocument, type Inputs } from "../../../preview/change-set/build.ts";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { collect } from "../../../preview/events/merge.ts";
import { readRecorded } from "./recorded.ts";

const RUN = { commit: "4f2c91e0", base: "e1a99037", at: "2026-11-27T12:00:00.000Z" };

/** What a document of a recorded preview is made of. */
export function inputsOf(name: string, change: (events: string) => string = (events) => events): Inputs {
  const { stack, command, events, state, base, head, policySettings } = readRecorded(name);
  if (command === "drift") throw new Error(`${name} is no preview`);
  const collected = collect(change(events));
  return { stack, command, state, base, head, collected, run: RUN, ...(policySettings ? { policySettings } : {}) };
}

/** The document of a recorded preview. A rename was tried with its remedy, whose preview was recorded as well. */
export function documentOf(name: string): ChangeDocument {
  const inputs = inputsOf(name);
  if (name !== "rename-delete-data") return buildDocument(inputs);
  const config = "cloister:machines:\n  build:\n    was: one\n    zone: eu-central-1b";
  return buildDocument({ ...inputs, remedies: { build: { config, tried: documentOf("rename-with-was") } } });
}
