import { appendFile, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CONSOLE, consoleLine, reportLine } from "../../contract/console.ts";
import { withCode } from "../../contract/errors.ts";
import { type Machine, readMachine } from "../../contract/machine.ts";
import { failures, isReady, type Report } from "../../contract/report.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { tryRun } from "../lib/exec.ts";
import { unremoved } from "../sessions/remove-tree.ts";
import { failureCode, parseReport, textOf, whyNotReady } from "./readiness.ts";
import { verify } from "./verify.ts";

/**
 * `cloister verify`: prints the report, as a table or as JSON. With `boot` it runs the quick verification, writes the
 * report to {@link RUN_FILES.report}, and says on the console whether the machine is ready.
 *
 * @returns the exit code: 0 only when the machine keeps every promise that it must keep
 */
export async function verifyCommand(options: {
  readonly json: boolean;
  readonly boot: boolean;
  /** Prints every row, not only those that differ. */
  readonly allRows?: boolean;
}): Promise<number> {
  const machine = await readMachine();
  // Remove the previous report and the previous failure first: an interrupted run must not leave them.
  if (options.boot) await rm(RUN_FILES.report, { force: true });
  if (options.boot && failureCode((await textOf(RUN_FILES.failure)) ?? "") === "CLOISTER_E_VERIFICATION_UNFINISHED")
    await rm(RUN_FILES.failure, { force: true });
  const seen = await verify(machine, options.boot ? "quick" : "full");
  if (options.boot) await leaveReport(seen);
  const report = options.boot ? seen : await withReadiness(seen, machine);
  // Write all files to disk before "ready" is told: the results of the first boot must survive a crash right after it.
  if (options.boot) {
    await tryRun(["sync"]);
    await appendFile(CONSOLE, `${reportLine(report)}\n${readyLine(report)}\n`).catch(() => {});
  }
  // Print the report only after the console line, on which another program may wait.
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else {
    const { tellReport } = await import("./table.ts");
    tellReport(report, options.allRows ?? false, process);
  }
  return isReady(report) ? 0 : 1;
}

/**
 * `cloister report`: prints the report of this boot's verification as JSON, and whether the machine takes sealed
 * commands.
 *
 * @throws when there is none (yet)
 */
export async function reportCommand(): Promise<number> {
  const machine = await readMachine();
  const text = await textOf(RUN_FILES.report);
  if (text === undefined)
    throw new Error((await readiness(machine)) ?? "there is no report of this boot's verification");
  const parsed = parseReport(text);
  if (!parsed)
    throw new Error(`${RUN_FILES.report} is no report: verify again (sudo systemctl restart cloister-verify)`);
  const report = await withReadiness(parsed, machine);
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  return isReady(report) ? 0 : 1;
}

async function readiness({ aws }: Machine): Promise<string | undefined> {
  const why = await whyNotReady({ logsRequired: aws?.logsRequired ?? false });
  return why === undefined ? undefined : withCode(why.message, why.code);
}

async function withReadiness(report: Report, machine: Machine): Promise<Report> {
  const [notReady, left] = await Promise.all([readiness(machine), unremoved()]);
  return {
    ...report,
    ...(notReady === undefined ? {} : { notReady }),
    ...(left.length === 0 ? {} : { unremoved: left }),
  };
}

/** Returns the line for the serial console. The computer that started the machine waits for it. */
export function readyLine(report: Pick<Report, "ok" | "rows">): string {
  return consoleLine(report.ok ? { kind: "ready" } : { kind: "failed", why: failures(report).join("; ") });
}

async function leaveReport(report: Report): Promise<void> {
  await mkdir(dirname(RUN_FILES.report), { recursive: true });
  await writeFileAtomic(RUN_FILES.report, `${JSON.stringify(report)}\n`);
}
