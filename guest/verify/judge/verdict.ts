/** The finding about one row. */
export type Verdict =
  /** The row was looked at: what was seen, whether it is as promised, and the reason or a remark. */
  | {
      readonly seen: string;
      readonly ok: boolean;
      readonly reason?: string;
      /** The reason why a difference is not held against the machine. */
      readonly excuse?: string;
    }
  /** This machine can neither keep nor break it. */
  | { readonly notApplicable: string; readonly seen?: string }
  /** The row was not looked at in this run. */
  | { readonly notChecked: string };

/** Verdicts by row id. */
export type Verdicts = Readonly<Record<string, Verdict>>;

/** A text to append to what was seen, when the promise is a default and another value was asked for. */
export const CONFIGURED = " (configured: not the default)";

/** Makes a verdict that lists the problems in the order found; without problems it is ok. */
export function verdict(seen: string, problems: readonly (string | false | undefined)[]): Verdict {
  const found = problems.filter((problem) => typeof problem === "string");
  return found.length === 0 ? { seen, ok: true } : { seen, ok: false, reason: found.join("; ") };
}
