/** The fields of the mark with which a comment or an issue of this program begins. */
export interface Mark {
  readonly at: number;
  /** Everything that was approved with it. */
  readonly shows: string;
}

/** Reads the mark of a text. Undefined: the text has none, or one of another stack or kind. */
export function markIn(body: string, kind: "preview" | "drift", stack: string): Mark | undefined {
  const [, found, fields = ""] = /^<!-- cloister:(preview|drift) v1 ([^\n]*) -->/.exec(body) ?? [];
  if (found !== kind) return undefined;
  const values = new Map(fields.split(" ").map((field) => field.split("=", 2) as [string, string]));
  const at = Date.parse(values.get("at") ?? "");
  if (values.get("stack") !== stack || Number.isNaN(at)) return undefined;
  return { at, shows: ["digest", "state", "base", "complete"].map((key) => values.get(key)).join(" ") };
}
