import Table from "cli-table3";
import { failures, type Report, type Row } from "../../contract/report.ts";
import { fields, type Screen, widthOf } from "../lib/columns.ts";

const WORDS: Readonly<Record<Row["status"], string>> = {
  ok: "ok",
  differs: "differs",
  "not-applicable": "n/a",
  "not-checked": "not checked",
};

/**
 * The longest text of a cell, in characters, and the most rows: a machine's report may have megabytes of words, and to wrap
 * those takes the square of their length. The reference has some dozens of rows.
 */
const LONGEST = 1_000;
const MOST_ROWS = 200;

/**
 * Prints a report for people: a table of the rows that are not as promised, and a summary below.
 *
 * @param options.width columns of the terminal; default 120
 * @param options.allRows true to print every row that is about this machine; rows of other targets and architectures
 * are left out
 */
export function printReport(report: Report, options: { width?: number; allRows?: boolean } = {}): string {
  const rows = rowsOf(report, options.allRows ?? false);
  if (rows.length === 0) return summary(report);
  const width = Math.max(80, Math.min(options.width ?? 120, 200));
  // Borders and padding take 16 columns, id and result 18; the fact takes a fifth of the rest.
  const rest = width - 34;
  const fact = Math.floor(rest * 0.22);
  const expected = Math.floor(rest * 0.37);
  const table = new Table({
    head: ["row", "fact", "expected", "seen", "result"],
    colWidths: [5, fact + 2, expected + 2, rest - fact - expected + 2, 13],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows.slice(0, MOST_ROWS))
    table.push([row.id, row.fact, row.expected, seenOf(row), resultOf(row)].map(cell));
  const more = rows.length > MOST_ROWS ? `\n${rows.length - MOST_ROWS} rows more are not shown` : "";
  return `${table.toString()}${more}\n${summary(report)}`;
}

function cell(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} [...]` : text;
}

/** A stream, and whether people look at it. */
type Output = Screen & { write(text: string): unknown };

/**
 * Prints a report where it is asked for: on a terminal as {@link printReport} does. A pipe gets one line a row with tabs
 * between the fields (row, result, fact, expected, seen); the summary goes to the other output.
 */
export function tellReport(report: Report, allRows: boolean, { stdout, stderr }: Record<"stdout" | "stderr", Output>) {
  const width = widthOf(stdout);
  if (width !== undefined) {
    stdout.write(`${printReport(report, { width, allRows })}\n`);
    return;
  }
  for (const row of rowsOf(report, allRows)) {
    stdout.write(`${fields([row.id, resultOf(row), row.fact, row.expected, seenOf(row)])}\n`);
  }
  stderr.write(`${summary(report)}\n`);
}

function rowsOf({ rows }: Report, allRows: boolean): Row[] {
  return rows.filter(({ status }) => status === "differs" || (allRows && status !== "not-applicable"));
}

function seenOf(row: Row): string {
  return [row.seen, row.reason].filter(Boolean).join(row.seen ? " - " : "");
}

function resultOf(row: Row): string {
  return row.fails ? "FAILS" : WORDS[row.status];
}

/** Returns one line with the number of rows of each kind. The failing rows follow below it, if there are any. */
export function summary(report: Report): string {
  const count = (status: Row["status"]) => report.rows.filter((row) => row.status === status).length;
  const parts = [
    `${count("ok")} ok`,
    `${count("differs")} differ`,
    ...(count("not-checked") > 0
      ? [`${count("not-checked")} not checked (run the full verification: cloister verify)`]
      : []),
  ];
  const seconds = (report.durationMs / 1000).toFixed(1);
  const failed = failures(report);
  const verdict = failed.length === 0 ? "verified" : "NOT verified";
  const head = `machine ${report.machine} (${report.image}, ${report.arch}) ${verdict}: ${parts.join(", ")}; ${report.depth}, ${seconds} s`;
  const lines = failed.map((line) => `\n  ${line}`).join("");
  const refusal = report.notReady === undefined ? "" : `\nNO SEALED COMMANDS are taken: ${report.notReady}`;
  const notices = (report.notices ?? []).map((line) => `\nnotice: ${line}`).join("");
  return `${head}${lines}${refusal}${notices}`;
}
