import { appendFile, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { withCode } from "../../contract/errors.ts";
import { type Machine, readMachine } from "../../contract/machine.ts";
import { writeWhole } from "../lib/atomic-write.ts";
import { tryRun } from "../lib/exec.ts";
import { unremoved } from "../sessions/remove-tree.ts";
import { FAILURE_FILE, failureCode, REPORT_FILE, textOf, whyNotReady } from "./readiness.ts";
import { failures, isReady, Report } from "./report.ts";
import { verify } from "./verify.ts";

const CONSOLE = "/dev/console";

/** The longest line that the console gets. */
const LINE = 900;

/**
 * `cloister verify`: prints the report, as a table or as JSON. With `boot` it is the quick verification, whose report is
 * left in {@link REPORT_FILE}, and which says on the console whether the machine is ready.
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
  // When this run does not come to its end, no earlier report must speak for it, and no earlier failure against it.
  if (options.boot) await rm(REPORT_FILE, { force: true });
  if (options.boot && failureCode((await textOf(FAILURE_FILE)) ?? "") === "CLOISTER_E_VERIFICATION_UNFINISHED")
    await rm(FAILURE_FILE, { force: true });
  const seen = await verify(machine, options.boot ? "quick" : "full");
  if (options.boot) await leaveReport(seen);
  const report = options.boot ? seen : await withReadiness(seen, machine);
  // Who hears "ready" may rely on it: what first boot made outlives a crash that comes a moment later.
  if (options.boot) {
    await tryRun(["sync"]);
    await appendFile(CONSOLE, `${reportLine(report)}\n${readyLine(report)}\n`).catch(() => {});
  }
  // After whoever waits for this machine was told.
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else {
    const { printReport } = await import("./table.ts");
    process.stdout.write(
      `${printReport(report, { width: process.stdout.columns ?? 120, allRows: options.allRows ?? false })}\n`,
    );
  }
  return isReady(report) ? 0 : 1;
}

/**
 * `cloister report`: prints the report of this boot's verification as JSON, and whether sealed commands are taken.
 *
 * @throws when there is none (yet)
 */
export async function reportCommand(): Promise<number> {
  const machine = await readMachine();
  const text = await textOf(REPORT_FILE);
  if (text === undefined)
    throw new Error((await readiness(machine)) ?? "there is no report of this boot's verification");
  const parsed = parse(text);
  if (!parsed) throw new Error(`${REPORT_FILE} is no report: verify again (sudo systemctl restart cloister-verify)`);
  const report = await withReadiness(parsed, machine);
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  return isReady(report) ? 0 : 1;
}

function parse(text: string): Report | undefined {
  try {
    return Report.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
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

/** The report for whoever follows the serial console, who is spared a login: gzip, base64, about 3 KB. */
export function reportLine(report: Report): string {
  return `cloister: report ${gzipSync(JSON.stringify(report)).toString("base64")}`;
}

/** What the computer that started the machine waits for on its serial console. */
export function readyLine(report: Pick<Report, "ok" | "rows">): string {
  if (report.ok) return "cloister: ready";
  const why = failures(report).join("; ").replace(/\s+/g, " ");
  return `cloister: not ready: ${why}`.slice(0, LINE);
}

async function leaveReport(report: Report): Promise<void> {
  await mkdir(dirname(REPORT_FILE), { recursive: true });
  await writeWhole(REPORT_FILE, `${JSON.stringify(report)}\n`);
}
