import { type EgressDecision, hostsWith, NOT_ALLOWED } from "../egress/decision.ts";
import { entryFor } from "../egress/policy.ts";
import { allowOption } from "../egress/remedy.ts";
import type { RunResult } from "../sessions/request.ts";

/** 128 + the signal's number, as a shell reports it. */
const SIGNAL_EXITS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** The exit code of a run when it is the supervisor that failed. */
const FAILED = 125;

/**
 * Runs a sealed command until it ends or this process is told to end, which stops it.
 *
 * @param run makes the run, says how it went, and returns its result
 * @returns the command's exit code; 128 + the signal's number when it was stopped; 125 when a part of the session is left
 */
export async function untilSignalled(run: (signal: AbortSignal) => Promise<RunResult>): Promise<number> {
  const stopped = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signalled ??= signal;
      stopped.abort();
    });
  }
  try {
    const result = await run(stopped.signal);
    if (signalled !== undefined) return SIGNAL_EXITS[signalled] ?? FAILED;
    // The command succeeded, but the supervisor did not: a part of the session is still there.
    return result.exitCode === 0 && result.problems.length > 0 ? FAILED : result.exitCode;
  } catch (error) {
    if (signalled === undefined) throw error;
    return SIGNAL_EXITS[signalled] ?? FAILED;
  }
}

const WHY: Readonly<Record<string, string>> = {
  "oom-kill": "the session ran out of memory, and processes in it were killed",
  timeout: "the command's time was over, and everything in the session was killed",
};

/**
 * Says how a run went, for the person who started it.
 *
 * @param json prints the result on standard output, too
 * @param keep says how a session that is kept is used again
 */
export function tell(
  result: RunResult,
  { json, keep, say }: { readonly json: boolean; readonly keep: boolean; readonly say: (line: string) => void },
): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const line of reportLines(result, keep)) say(line);
}

/** The lines about a run for a person. */
export function reportLines(result: RunResult, keep = false): string[] {
  const why = WHY[result.unitResult ?? ""];
  const add = howToAllow(result.decisions);
  return [
    ...(why === undefined ? [] : [why]),
    ...(keep ? [`the session ${result.session} is kept; run it again with --name ${result.session}`] : []),
    ...told(result, "denied", "denied by the session's network policy"),
    ...(add === undefined ? [] : [`to allow it, add: ${add}`]),
    ...told(result, "failed", "allowed, and not reached"),
  ];
}

/** Maximum number of hosts that a line names. */
const MOST = 10;

/** A line with the hosts that were not reached, each once. */
function told({ decisions }: RunResult, verdict: EgressDecision["verdict"], what: string): string[] {
  const asked = hostsWith(decisions, verdict);
  return asked.length === 0 ? [] : [`${what}: ${asked.slice(0, MOST).join(", ")}`];
}

/**
 * Returns the option that would have allowed the denied hosts; undefined when none was denied, or when no option can
 * allow them.
 */
export function howToAllow(decisions: readonly EgressDecision[]): string | undefined {
  const entries = decisions.flatMap(({ verdict, reason, host, port }) => {
    // The session chooses the host's text: show it as an entry only if it is a proper entry of an allow list.
    const entry = verdict === "denied" && reason === NOT_ALLOWED ? entryFor(host, port) : undefined;
    return entry === undefined ? [] : [entry];
  });
  return allowOption(entries);
}
