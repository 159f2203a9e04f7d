import { FAILURE_FILE, LOGS_FILE, REPORT_FILE, textOf } from "../verify/readiness.ts";
import { failures, Report } from "../verify/report.ts";
import type { Imds } from "./imds.ts";
import type { Seen } from "./life-cycle.ts";

/**
 * What became of this boot: what the boot scripts said, or the verification's report, and where logs are required what
 * became of these; undefined while it is not known.
 */
export async function readVerdict(args: {
  readonly logsRequired: boolean;
  /** For tests. */
  readonly files?: { readonly failure: string; readonly report: string; readonly logs: string };
}): Promise<Seen["verdict"]> {
  const { logsRequired, files = { failure: FAILURE_FILE, report: REPORT_FILE, logs: LOGS_FILE } } = args;
  const failure = await textOf(files.failure);
  if (failure !== undefined) return { ok: false, why: failure.trim() };
  const report = await textOf(files.report);
  if (report === undefined) return undefined;
  const verdict = verdictOf(report);
  if (!verdict.ok || !logsRequired) return verdict;
  const logs = await textOf(files.logs);
  if (logs === undefined) return undefined;
  return logs === "" ? verdict : { ok: false, why: `logs: ${logs.trim()}` };
}

function verdictOf(report: string): NonNullable<Seen["verdict"]> {
  try {
    const { ok, rows } = Report.parse(JSON.parse(report));
    return { ok, why: ok ? "" : failures({ rows }).join("; ") };
  } catch (error) {
    return { ok: false, why: `the verification's report cannot be read: ${(error as Error).message}` };
  }
}

/**
 * When EC2 takes a Spot machine back, on the clock of `now`: two minutes ahead (EC2 user guide, "Spot Instance
 * interruption notices"; `{"action":"terminate","time":"2026-01-01T08:22:00Z"}`). Undefined without a notice.
 */
export async function spotEnd(imds: Imds, now: number): Promise<number | undefined> {
  const text = await imds.item("spot/instance-action");
  if (text === undefined) return undefined;
  const time = Date.parse((JSON.parse(text) as { time?: string }).time ?? "");
  // A notice that cannot be read is a notice.
  return Number.isNaN(time) ? now + 120_000 : now + time - Date.now();
}
