import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import { neutral } from "../guest/lib/neutral.ts";
import type { MachineStatus } from "./fleet.ts";
import { type Colours, coloursFor, fields, type Screen, widthOf } from "./screen.ts";

/**
 * The machines of a stack: a table with a summary for a terminal, and for a program one line each with tabs between the
 * fields (name, pool, state, what it was made from, whether that is current, verification, and more).
 */
export function machineList(found: readonly MachineStatus[], screen: Screen): string {
  const width = widthOf(screen);
  // They quote consoles and sessions.
  const machines = found.map((machine) => ({
    ...machine,
    verification: { ...machine.verification, by: neutral(machine.verification.by) },
    remarks: machine.remarks.map(neutral),
  }));
  if (width !== undefined) return machineTable(machines, width, coloursFor(screen));
  return machines
    .map(({ name, pool = "", state, template, current, verification, remarks }) => {
      const age = current === undefined ? "" : current ? "current" : "old";
      return fields([name, pool, state, template, age, verification.verdict, [verification.by, ...remarks].join("; ")]);
    })
    .join("\n");
}

/** The machines of a stack as a table for people, with a summary below. */
export function machineTable(
  machines: readonly MachineStatus[],
  width: number,
  colours: Colours = coloursFor({}, {}),
): string {
  if (machines.length === 0) return "no machines";
  const pools = machines.some(({ pool }) => pool !== undefined);
  const rows = machines.map((machine) => [
    machine.name,
    ...(pools ? [machine.pool ?? ""] : []),
    painted(machine.state, { running: colours.green, booting: colours.yellow, pending: colours.yellow }, colours.red),
    machine.current === false ? `${machine.template} (old)` : machine.template,
    painted(
      machine.verification.verdict,
      { passed: colours.green, failed: colours.red, pending: colours.yellow },
      colours.dim,
    ),
    [machine.verification.by, ...machine.remarks].join("; "),
  ]);
  const head = ["machine", ...(pools ? ["pool"] : []), "state", "made from", "verified", "more"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => lengthOf(row[i]))) + 2);
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

type Paint = (text: string) => string;

function painted(word: string, paints: Readonly<Record<string, Paint>>, otherwise: Paint): string {
  return (paints[word] ?? otherwise)(word);
}

/** Columns that a text takes: its colours take none. */
const lengthOf = (text = ""): number => stripVTControlCharacters(text).length;

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
