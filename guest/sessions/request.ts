import { type ErrorCode, withCode } from "../../contract/errors.ts";
import { describeProblem, type Problem } from "../../contract/problem.ts";
import type { EgressDecision } from "../egress/decision.ts";

/**
 * The rights that a mount gives to the session (row N3): `ro` read only; `rw` read and write, but what was there before
 * the session cannot be deleted; `rwd` read, write and delete; `trash` as `rwd`, but what was there before the session
 * is moved to the folder's trash instead of deleted.
 */
export const MOUNT_MODES = ["ro", "rw", "rwd", "trash"] as const;
export type MountMode = (typeof MOUNT_MODES)[number];

/** One folder of the machine, shown to the session as `/sessions/<session>/mnt/<name>`. */
export interface MountRequest {
  /** Absolute path of the folder on the machine. No part of it may be a symbolic link. */
  readonly source: string;
  /** Name below `mnt/`: one path component. */
  readonly name: string;
  readonly mode: MountMode;
}

/** Milliseconds spent on the way to the command's first instruction, and in it. */
export interface RunTimings {
  /** Time from the start of this Node process until the request was accepted (checked). */
  readonly nodeStartMs: number;
  /** Time from the acceptance until the session is there: user, home, mounts, proxies. */
  readonly sessionMs: number;
  /** Time from then until the command's first instruction: systemd, bubblewrap, bridges, filters. */
  readonly launchMs: number | null;
  /** Time from the first instruction until the exit was seen. */
  readonly commandMs: number | null;
  /** Time that the removal of the session took. */
  readonly cleanupMs: number;
}

export interface RunResult {
  /** Name of the session. */
  readonly session: string;
  /** Exit code of the command; 128 + n when it died by signal n. */
  readonly exitCode: number;
  /** The command's output with `stdio: "capture"`; empty otherwise. */
  readonly stdout: string;
  readonly stderr: string;
  /** True when only the first bytes of an output are here. Absent otherwise. */
  readonly cut?: true;
  readonly timings: RunTimings;
  readonly decisions: readonly EgressDecision[];
  /** True when the session's home is still there. */
  readonly kept: boolean;
  /** The parts of the session that could not be removed, in words. Empty when all is well. */
  readonly problems: readonly string[];
  /** The unit's result when systemd ended it: `oom-kill`, `timeout`, `signal` ... */
  readonly unitResult?: string;
}

/** The error for a request that cannot be run. It has every problem, each with the value and the correct form. */
export class RunRefused extends Error {
  readonly problems: readonly Problem[];
  /** The code of the first problem. */
  readonly code: ErrorCode;

  constructor(problems: readonly Problem[]) {
    super(refusal(problems, describeProblem));
    this.name = "RunRefused";
    this.problems = problems;
    this.code = problems[0]?.code ?? "CLOISTER_E_REQUEST";
  }
}

/**
 * The text of a refusal, with a code for each problem.
 *
 * @param describe a problem as a line, for whom the text is
 */
export function refusal(problems: readonly Problem[], describe: (problem: Problem) => string): string {
  const lines = problems.map((problem) => withCode(describe(problem), problem.code));
  return lines.length === 1
    ? `${lines[0]}`
    : `this cannot be run, for ${lines.length} reasons:\n  ${lines.join("\n  ")}`;
}

/** The session could not be made or started, though the request was right. */
export class SessionFailed extends Error {
  readonly code: ErrorCode;

  constructor(
    message: string,
    { code = "CLOISTER_E_SESSION_FAILED", ...options }: ErrorOptions & { code?: ErrorCode } = {},
  ) {
    super(message, options);
    this.name = "SessionFailed";
    this.code = code;
  }
}
