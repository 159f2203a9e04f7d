import { type EngineEvent, eventSchema } from "./schema.ts";

/** One message of the engine, a provider or the program. */
export interface Diagnostic {
  readonly severity: string;
  readonly urn: string;
  readonly message: string;
}

/** Colours of the engine's messages, in its own notation and as a terminal has them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
export const COLOURS = /<\{%.*?%\}>|\u001b\[[0-9;]*m/g;

/** The JSON of a line of the engine's stream; undefined for lines that are no event, and for one that was cut. */
export function jsonIn(line: string, doubts?: Set<string>): unknown {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    doubts?.add("a line of the engine's stream is no JSON: it was cut");
    return undefined;
  }
}

/** The event of a line's JSON; undefined where it is not as known. */
export function eventIn(json: unknown, doubts: Set<string>): EngineEvent | undefined {
  const parsed = eventSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  doubts.add(`an event of the engine is not as known: ${parsed.error.issues[0]?.path.join(".") ?? ""}`);
  return undefined;
}

/** The message of an event, for people; none where it has none but for those who debug. */
export function diagnosticsIn({ diagnosticEvent }: EngineEvent): Diagnostic[] {
  if (!diagnosticEvent || diagnosticEvent.severity === "debug") return [];
  const { severity, urn, message } = diagnosticEvent;
  return [{ severity, urn, message: message.replace(COLOURS, "").trim() }];
}
