import { z } from "zod";

/** The groups of the reference, in its order. */
export const GROUPS = ["machine", "disks", "system", "sandbox", "egress", "sessions", "agent", "container"] as const;
export const Group = z.enum(GROUPS);
export type Group = z.infer<typeof Group>;

/**
 * What became of a row:
 * - `ok`: looked at, and as promised.
 * - `differs`: looked at, and not as promised.
 * - `not-applicable`: this machine cannot keep or break it (another target's or architecture's row).
 * - `not-checked`: it could be looked at here, but this run did not (the quick verification of a boot).
 */
export const Status = z.enum(["ok", "differs", "not-applicable", "not-checked"]);
export type Status = z.infer<typeof Status>;

/** One row of the reference, held against this machine. */
export const Row = z.strictObject({
  /** Id in the reference, such as `S6`. */
  id: z.string(),
  group: Group,
  fact: z.string(),
  /** `must`: a difference fails the verification. `parity`: it is reported only. */
  level: z.enum(["must", "parity"]),
  expected: z.string(),
  /** What was seen; empty when nothing was looked at. */
  seen: z.string(),
  status: Status,
  /** Why it differs, is not applicable, was not checked, or does not count. Absent when there is nothing to add. */
  reason: z.string().optional(),
  /** Whether this row, as it is, fails the verification. */
  fails: z.boolean(),
});
export type Row = z.infer<typeof Row>;

/** A verification's report: what `cloister verify --json` prints and `RUN_FILES.report` holds. */
export const Report = z.strictObject({
  /** Name of the machine. */
  machine: z.string(),
  target: z.enum(["local", "aws", "container"]),
  /** The operating system, by its own account (os-release's PRETTY_NAME). */
  image: z.string(),
  /** Debian's name of the architecture, `amd64` or `arm64`. */
  arch: z.string(),
  /** SHA-256 of the runtime image that the machine runs. */
  runtime: z.string(),
  /** `quick`: at boot, without a run of the agent. `full`: everything. */
  depth: z.enum(["quick", "full"]),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  durationMs: z.number().nonnegative(),
  /** True when no row fails. */
  ok: z.boolean(),
  rows: z.array(Row),
  /**
   * Why the machine takes no sealed commands now, whatever the rows say: a boot that failed elsewhere, logs that are required and
   * not shipped. Filled in when somebody asks; absent where it takes them.
   */
  notReady: z.string().optional(),
  /** Sessions that are over and of which something could not be removed, with the reason. Filled in when somebody asks. */
  unremoved: z.array(z.strictObject({ name: z.string(), reason: z.string() })).optional(),
  /** What the boot left for the operator, a line each. */
  notices: z.array(z.string()).optional(),
});
export type Report = z.infer<typeof Report>;

/** Whether a machine keeps its promises and takes sealed commands. */
export const isReady = ({ ok, notReady }: Report): boolean => ok && notReady === undefined;

/** The rows that fail a verification, in words for one line: `S6 capabilities: CapBnd is 1`. */
export function failures(report: Pick<Report, "rows">): string[] {
  return report.rows
    .filter((row) => row.fails)
    .map((row) => `${row.id} ${row.fact}: ${row.reason ?? `expected ${row.expected}, seen ${row.seen || "nothing"}`}`);
}
