import { type Check, makeCheck, type Row, type Wall } from "./check.ts";
import type { Machine } from "./support/machine.ts";

/** Makes every check of these walls on a machine, one wall after the other: what one uses up would disturb another. */
export async function runWalls(
  walls: readonly Wall[],
  machine: Machine,
  onRow: (row: Row) => void = () => {},
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const wall of walls) {
    for (const check of wall.checks) {
      const row = await makeCheck(check, machine);
      rows.push(row);
      onRow(row);
    }
  }
  return rows;
}

/** The walls of these names, in the suite's order; every wall when none is named. */
export function chooseWalls(walls: readonly Wall[], names: readonly string[] | undefined): readonly Wall[] {
  if (names === undefined || names.length === 0) return walls;
  const unknown = names.filter((name) => !walls.some((wall) => wall.name === name));
  if (unknown.length > 0) {
    const known = [...walls.map(({ name }) => name), "fuzz"];
    throw new Error(`there is no wall ${unknown.join(", ")}: one of ${known.join(", ")}`);
  }
  return walls.filter(({ name }) => names.includes(name));
}

/** The walls without the checks that take long. */
export function quickWalls(walls: readonly Wall[]): Wall[] {
  return walls.map((wall) => ({ ...wall, checks: wall.checks.filter(({ slow }) => !slow) }));
}

/** One row, as text for a terminal. */
export function rowText(row: Row): string {
  const detail = row.verdict === "held" ? [] : [`    attack:  ${row.attack}`, `    control: ${row.control}`];
  return [`${row.verdict.padEnd(8)} ${row.id}: ${row.what}`, ...detail].map(printable).join("\n");
}

/** Shows a terminal's escapes as text: a session's words may hold them. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, (character) => {
    return `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`;
  });
}

/** How many checks of a list there are of each kind. */
export function idsOf(walls: readonly Wall[]): string[] {
  return walls.flatMap(({ checks }) => checks.map(({ id }: Check) => id));
}
