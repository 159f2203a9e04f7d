/** What was found out about one row. */
export type Verdict =
  /** Looked at: what was seen, whether it is as promised, and why not or what to add. */
  | {
      readonly seen: string;
      readonly ok: boolean;
      readonly reason?: string;
      /** Why it is not held against the machine although it is not as promised. */
      readonly excuse?: string;
    }
  /** This machine can neither keep nor break it. */
  | { readonly notApplicable: string; readonly seen?: string }
  /** Not looked at in this run. */
  | { readonly notChecked: string };

/** Verdicts by row id. */
export type Verdicts = Readonly<Record<string, Verdict>>;

/** Stands behind what was seen where the promise is a default, and something else was asked for. */
export const CONFIGURED = " (configured: not the default)";

/** A verdict that says what is wrong, in the order found; without problems it is ok. */
export function verdict(seen: string, problems: readonly (string | false | undefined)[]): Verdict {
  const found = problems.filter((problem) => typeof problem === "string");
  return found.length === 0 ? { seen, ok: true } : { seen, ok: false, reason: found.join("; ") };
}
