import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { buildDriftDocument } from "../../../preview/drift/document.ts";
import { collectRefresh } from "../../../preview/events/refresh.ts";
import { readRecorded } from "./recorded.ts";

/** What an event of a refresh says of one resource; tests change it. */
export interface LookedEvent {
  op: string;
  type: string;
  old?: { inputs: Record<string, unknown>; outputs: Record<string, unknown> };
  new?: { inputs: Record<string, unknown>; outputs: Record<string, unknown> };
  detailedDiff?: object;
}

const RUN = { commit: "4f2c91e0", at: "2026-11-27T12:00:00.000Z" };

function document(name: string, change: (events: string) => string): ChangeDocument {
  const { events, state, head: config } = readRecorded(`drift-${name}`);
  return buildDriftDocument({ stack: "dev", refreshed: collectRefresh(change(events)), state, config, run: RUN });
}

/** The document of a recorded look. */
export const driftOf = (name: string): ChangeDocument => document(name, (events) => events);

/** The same, with one event changed: that of the first resource of a type. */
export function withEvent(name: string, type: string, change: (event: LookedEvent) => void): ChangeDocument {
  return document(name, (events) => {
    const lines = events.split("\n");
    const at = lines.findIndex((line) => line.includes("resOutputsEvent") && line.includes(`"type":"aws:${type}"`));
    if (at < 0) throw new Error(`there is no event of ${type}`);
    const event = JSON.parse(lines[at] ?? "") as { resOutputsEvent: { metadata: LookedEvent } };
    change(event.resOutputsEvent.metadata);
    lines[at] = JSON.stringify(event);
    return lines.join("\n");
  });
}
