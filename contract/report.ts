import { z } from "zod";

/** The groups of the reference, in its order. */
export const GROUPS = ["machine", "disks", "system", "sandbox", "egress", "sessions", "agent", "container"] as const;
export const Group = z.enum(GROUPS);
export type Group = z.infer<typeof Group>;

/**
 * The result of a row:
 * - `ok`: the row was checked, and is as promised.
 * - `differs`: the row was checked, and is not as promised.
 * - `not-applicable`: this machine cannot keep or break the row (it is another target's or architecture's).
 * - `not-checked`: the row can be checked here, but this run did not check it (the quick verification of a boot).
 */
export const Status = z.enum(["ok", "differs", "not-applicable", "not-checked"]);
export type Status = z.infer<typeof Status>;

/** One row of the reference, compared with this machine. */
export const Row = z.strictObject({
  /** Id in the reference, such as `S6`. */
  id: z.string(),
  group: Group,
  fact: z.string(),
  /** `must`: a difference fails the verification. `parity`: it is reported only. */
  level: z.enum(["must", "parity"]),
  expected: z.string(),
  /** The value that was seen; empty when the row was not checked. */
  seen: z.string(),
  status: Status,
  /** The reason why the row differs, is not applicable, was not checked, or does not count. Absent without a reason. */
  reason: z.string().optional(),
  /** True when this row fails the verification. */
  fails: z.boolean(),
});
export type Row = z.infer<typeof Row>;

/** A verification's report: `cloister verify --json` prints it, and `RUN_FILES.report` holds it. */
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
   * The reason why the machine takes no sealed commands now, also when all rows are kept: a boot that failed elsewhere,
   * or required logs that are not shipped. It is filled in when somebody asks, and absent when the machine takes
   * commands.
   */
  notReady: z.string().optional(),
  /**
   * Sessions that are over but could not be removed completely, with the reason. It is filled in when somebody asks.
   */
  unremoved: z.array(z.strictObject({ name: z.string(), reason: z.string() })).optional(),
  /** Messages of the boot for the operator, a line each. */
  notices: z.array(z.string()).optional(),
});
export type Report = z.infer<typeof Report>;

/** Tells whether a machine keeps its promises and takes sealed commands. */
export const isReady = ({ ok, notReady }: Report): boolean => ok && notReady === undefined;

/** The rows that fail a verification, in words for one line: `S6 capabilities: CapBnd is 1`. */
export function failures(report: Pick<Report, "rows">): string[] {
  return report.rows
    .filter((row) => row.fails)
    .map((row) => `${row.id} ${row.fact}: ${row.reason ?? `expected ${row.expected}, seen ${row.seen || "nothing"}`}`);
}
