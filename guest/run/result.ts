import type { EgressDecision } from "../egress/decision.ts";
import type { RunResult } from "../sessions/request.ts";

/**
 * Maximum number of decisions in a run's result: a session may ask without end. The result has the first ones, the
 * audit log has all.
 */
export const MOST_DECISIONS = 1_000;

/**
 * Maximum that a run's result keeps of each output, in bytes. JSON writes some of them with six characters, and both outputs together are
 * one string, which V8 bounds.
 */
export const CAPTURE_LIMIT = 16 * 1024 * 1024;

/** The result of a session's command. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Only the first {@link CAPTURE_LIMIT} bytes of an output are kept. */
  readonly cut?: true;
  /** The reason why it was killed: `oom-kill`, `timeout` or `stopped`. Absent when it ended by itself. */
  readonly unitResult?: string;
  /**
   * The time when the command's first instruction ran, in milliseconds since 1970; absent when the chain ended before
   * it.
   */
  readonly firstAt?: number;
}

/** Returns the wall-clock time in milliseconds, with fractions. The marks of `apply-seccomp` use the same clock. */
export const now = () => performance.timeOrigin + performance.now();

/** The moments of a run by {@link now}, and the milliseconds of this process before the request was accepted. */
export interface Moments {
  readonly nodeStartMs: number;
  readonly acceptedAt: number;
  readonly readyAt: number;
  readonly endedAt: number;
  /** The removal of the session began. It is over when {@link resultOf} is called. */
  readonly closedAt: number;
}

/** Puts a run's result together, once its session is closed. */
export function resultOf(run: {
  readonly session: string;
  readonly output: Output;
  readonly moments: Moments;
  readonly decisions: readonly EgressDecision[];
  readonly kept: boolean;
  readonly problems: readonly string[];
}): RunResult {
  const { output, moments } = run;
  const { firstAt } = output;
  return {
    session: run.session,
    exitCode: output.exitCode,
    stdout: output.stdout,
    stderr: output.stderr,
    timings: {
      nodeStartMs: round(moments.nodeStartMs),
      sessionMs: round(moments.readyAt - moments.acceptedAt),
      launchMs: firstAt === undefined ? null : round(firstAt - moments.readyAt),
      commandMs: firstAt === undefined ? null : round(moments.endedAt - firstAt),
      cleanupMs: round(now() - moments.closedAt),
    },
    decisions: run.decisions,
    kept: run.kept,
    problems: run.problems,
    ...(output.cut === undefined ? {} : { cut: output.cut }),
    ...(output.unitResult === undefined ? {} : { unitResult: output.unitResult }),
  };
}

const round = (ms: number) => Math.round(ms * 10) / 10;
