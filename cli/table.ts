import Table from "cli-table3";
import type { MachineStatus } from "./fleet.ts";

/** The machines of a stack as a table for people, with a summary below. */
export function machineTable(machines: readonly MachineStatus[], width: number): string {
  if (machines.length === 0) return "no machines";
  const pools = machines.some(({ pool }) => pool !== undefined);
  const rows = machines.map((machine) => [
    machine.name,
    ...(pools ? [machine.pool ?? ""] : []),
    machine.state,
    machine.current === false ? `${machine.template} (old)` : machine.template,
    machine.verification.verdict,
    [machine.verification.by, ...machine.remarks].join("; "),
  ]);
  const head = ["machine", ...(pools ? ["pool"] : []), "state", "made from", "verified", "more"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)) + 2);
  // Long texts are wrapped, but a column never becomes too narrow to read.
  const borders = head.length + 1;
  const fixed = widths.slice(0, -1).reduce((sum, column) => sum + column, borders);
  const table = new Table({
    head,
    colWidths: [...widths.slice(0, -1), Math.min(widths.at(-1) ?? 0, Math.max(32, width - fixed))],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows);
  return `${table.toString()}\n${summary(machines)}`;
}

function summary(machines: readonly MachineStatus[]): string {
  const count = (is: (machine: MachineStatus) => boolean): number => machines.filter(is).length;
  const old = count(({ current }) => current === false);
  return [
    machines.length === 1 ? "1 machine" : `${machines.length} machines`,
    `${count(({ state }) => state === "running")} running`,
    `${count(({ verification }) => verification.verdict === "passed")} verified`,
    ...(old > 0 ? [`${old} of an old template`] : []),
  ].join(", ");
}
