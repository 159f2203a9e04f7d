import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { checkReading } from "../../guest/egress/audit-read.ts";
import { parseAuditRow } from "../../guest/egress/audit-rows.ts";
import { rowAsJson, rowForPeople, rowForPrograms } from "../audit-text.ts";
import { shown } from "../copy/text.ts";
import { passOn } from "../pass-on.ts";
import { coloursFor, widthOf } from "../screen.ts";
import { type Chosen, reach } from "./chosen.ts";

/** The options of `cloister audit`. */
export interface AuditOptions {
  readonly session?: string;
  /** A time as journalctl(1) takes it, such as `-1h`. */
  readonly since?: string;
  readonly denied?: boolean;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/**
 * `cloister audit`: the machine's audit log of the network, with the option that would have allowed it beside what was
 * denied.
 *
 * @returns the exit code of the machine's command
 */
export async function audit(chosen: () => Chosen, options: AuditOptions): Promise<number> {
  checkReading(options);
  const { transport } = await reach(chosen());
  const { session, since, denied, follow } = options;
  const rows = new PassThrough();
  const told = showRows(rows, options);
  const words = [
    ...["cloister", "audit"],
    ...(session === undefined ? [] : [`--session=${session}`]),
    ...(since === undefined ? [] : [`--since=${since}`]),
    ...(denied ? ["--denied"] : []),
    ...(follow ? ["--follow"] : []),
  ];
  try {
    return await passOn(transport, words, { stdout: rows, stderr: process.stderr });
  } finally {
    rows.end();
    await told;
  }
}

/** Shows the lines of an audit log as they come: for people on a terminal, as fields with tabs elsewhere. */
export async function showRows(
  lines: NodeJS.ReadableStream,
  { json = false, denied = false, session }: AuditOptions,
  screen: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  const width = widthOf(screen);
  const colours = coloursFor(screen);
  const show = json
    ? rowAsJson
    : width === undefined
      ? rowForPrograms
      : (row: Parameters<typeof rowForPeople>[0]) => rowForPeople(row, { width, colours });
  for await (const line of createInterface({ input: lines })) {
    const row = parseAuditRow(line);
    if (row === undefined) {
      if (line.trim() !== "")
        process.stderr.write(`cloister: this is no row of the audit log: ${shown(line.slice(0, 200))}\n`);
      continue;
    }
    if ((denied && row.verdict !== "denied") || (session !== undefined && row.session !== session)) continue;
    screen.write(`${show(row)}\n`);
  }
}
