import type { Merged } from "../events/merge.ts";

/** The fate of one thing that holds data. */
export interface Fate {
  readonly fate:
    | "lost"
    | "unknown"
    | "orphaned"
    | "gone"
    | "locked"
    | "shortened"
    | "refused"
    | "refused-by-aws"
    | "refused-in-deploy"
    | "loosened"
    | "detached"
    | "reattached";
  readonly kind: string;
  readonly resource: Merged;
  readonly why: string;
  readonly also: readonly string[];
}
