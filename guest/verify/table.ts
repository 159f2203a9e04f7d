import Table from "cli-table3";
import { failures, type Report, type Row } from "../../contract/report.ts";

const WORDS: Readonly<Record<Row["status"], string>> = {
  ok: "ok",
  differs: "differs",
  "not-applicable": "n/a",
  "not-checked": "not checked",
};

/**
 * A report as a table for people, with a summary below.
 *
 * @param options.width columns of the terminal; default 120
 */
export function printReport(report: Report, options: { width?: number } = {}): string {
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
  for (const row of report.rows) table.push([row.id, row.fact, row.expected, seenOf(row), resultOf(row)]);
  return `${table.toString()}\n${summary(report)}`;
}

function seenOf(row: Row): string {
  return [row.seen, row.reason].filter(Boolean).join(row.seen ? " - " : "");
}

function resultOf(row: Row): string {
  return row.fails ? "FAILS" : WORDS[row.status];
}

/** One paragraph: how many rows of each kind, and what fails. */
export function summary(report: Report): string {
  const count = (status: Row["status"]) => report.rows.filter((row) => row.status === status).length;
  const parts = [
    `${count("ok")} ok`,
    `${count("differs")} differ`,
    `${count("not-applicable")} not applicable`,
    ...(count("not-checked") > 0
      ? [`${count("not-checked")} not checked (run the full verification: cloister verify)`]
      : []),
  ];
  const seconds = (report.durationMs / 1000).toFixed(1);
  const head = `machine ${report.machine} (${report.image}, ${report.arch}): ${parts.join(", ")}; ${report.depth}, ${seconds} s`;
  const failed = failures(report);
  const verdict =
    failed.length === 0
      ? "verified: every promise that this target must keep is kept"
      : `NOT verified:\n${failed.map((line) => `  ${line}`).join("\n")}`;
  const refusal = report.notReady === undefined ? "" : `\nNO SEALED COMMANDS are taken: ${report.notReady}`;
  const notices = (report.notices ?? []).map((line) => `\nnotice: ${line}`).join("");
  return `${head}\n${verdict}${refusal}${notices}`;
}
