import { type EgressDecision, hostsWith, NOT_ALLOWED } from "../egress/decision.ts";
import { entryFor } from "../egress/policy.ts";
import { allowOption } from "../egress/remedy.ts";
import type { SealedRun } from "../run/request.ts";
import { runSealed } from "../run/run.ts";
import type { RunResult } from "../sessions/request.ts";
import { EXIT, say } from "./exit.ts";
import { waitForBoot } from "./wait.ts";

/** 128 + the signal's number, as a shell reports it. */
const SIGNAL_EXITS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Runs a sealed command with this process's streams, and reports how it went.
 *
 * @param json catches the output and prints the result as JSON
 * @returns the command's exit code
 */
export async function runCommand(run: SealedRun, json = false): Promise<number> {
  const stopped = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signalled ??= signal;
      stopped.abort();
    });
  }
  try {
    await waitForBoot({ say, signal: stopped.signal });
    const result = await runSealed({ ...run, signal: stopped.signal, stdio: json ? "capture" : "inherit" });
    report(result, { json, keep: run.keep ?? false });
    if (signalled !== undefined) return SIGNAL_EXITS[signalled] ?? EXIT.failed;
    // The command succeeded, but the machine did not: a part of the session is still there.
    return result.exitCode === 0 && result.problems.length > 0 ? EXIT.failed : result.exitCode;
  } catch (error) {
    if (signalled === undefined) throw error;
    return SIGNAL_EXITS[signalled] ?? EXIT.failed;
  }
}

const WHY: Readonly<Record<string, string>> = {
  "oom-kill": "the session ran out of memory, and everything in it was killed",
  timeout: "the command's time was over, and everything in the session was killed",
};

function report(result: RunResult, { json, keep }: { readonly json: boolean; readonly keep: boolean }): void {
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
