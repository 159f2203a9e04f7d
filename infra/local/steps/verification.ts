import { writeFile } from "node:fs/promises";
import { execa } from "execa";
import { LARGEST_REPORT } from "../../../contract/console.ts";
import type { VerificationSummary } from "../../../contract/outputs.ts";
import { type Report, Report as ReportSchema } from "../../../contract/report.ts";
import { RUN_FILES } from "../../../contract/run-files.ts";
import { neutralValue } from "../../../guest/lib/neutral.ts";
import { printReport } from "../../../guest/verify/table.ts";
import type { Paths } from "../paths.ts";
import { sshArguments } from "../ssh.ts";

/** The machine is up, but breaks a promise that it must keep. */
export class VerificationError extends Error {
  constructor(report: Report, file: string) {
    super(`the machine did not pass its verification; the report is in ${file}\n${printReport(report)}`);
    this.name = "VerificationError";
  }
}

/** The report of the machine's verification at this boot, fetched by ssh; undefined when that fails. */
export async function fetchReport(paths: Paths, port: number, signal: AbortSignal): Promise<string | undefined> {
  const { stdout, failed } = await execa("ssh", [...sshArguments(paths, port), "cat", RUN_FILES.report], {
    cancelSignal: signal,
    timeout: 60_000,
    maxBuffer: LARGEST_REPORT,
    stdin: "ignore",
    reject: false,
  });
  return failed ? undefined : stdout;
}

/**
 * Keeps the report of the machine's verification in the state folder. Its texts are the machine's, and will be shown on
 * terminals: none acts on one.
 *
 * @throws {VerificationError} when a promise is not kept
 */
export async function keepVerification(paths: Pick<Paths, "verification">, text: string): Promise<VerificationSummary> {
  const report = ReportSchema.parse(neutralValue(JSON.parse(text)));
  await writeFile(paths.verification, `${JSON.stringify(report, undefined, 2)}\n`);
  if (!report.ok) throw new VerificationError(report, paths.verification);
  return {
    ok: report.ok,
    rows: report.rows.length,
    kept: report.rows.filter((row) => row.status === "ok").length,
    differs: report.rows.filter((row) => row.status === "differs").map((row) => row.id),
  };
}
