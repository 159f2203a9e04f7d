import { fields, type Screen, widthOf } from "../lib/columns.ts";
import type { KeptSession } from "./list.ts";

/**
 * The sessions of a machine: a table for a terminal, and for a program one line each with tabs between the fields (name,
 * since when it is kept, the process that runs in it, its detached run). Each line ends with a line feed.
 */
export async function sessionList(found: readonly KeptSession[], screen: Screen): Promise<string> {
  const rows = found.map(({ name, since, pid, detached }) => ({
    name,
    since,
    pid: pid === undefined ? "" : `${pid}`,
    detached: describeDetached(detached, pid !== undefined),
  }));
  if (widthOf(screen) === undefined) return rows.map((row) => `${fields(Object.values(row))}\n`).join("");
  if (rows.length === 0) return "no sessions\n";
  const { default: Table } = await import("cli-table3");
  const head = ["session", "kept since", "runs", "detached run"];
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const { name, since, pid, detached } of rows) {
    table.push([name, since, pid === "" ? "no" : `process ${pid}`, detached]);
  }
  return `${table.toString()}\n`;
}

/** Describes a session's latest detached run. */
export function describeDetached(run: KeptSession["detached"], runs: boolean): string {
  if (run === undefined) return "";
  if (run.ended === undefined) return runs ? `since ${run.began}` : "it was killed";
  return run.exitCode === undefined ? `ended ${run.ended}` : `exit code ${run.exitCode}, ${run.ended}`;
}
