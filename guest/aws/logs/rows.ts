/** Rows of the journal as journalctl(1) prints them with `--output=json`, and what becomes of one in CloudWatch Logs. */

/** One event, as PutLogEvents takes it. */
export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

/** An event with its place in the journal. */
export interface Row {
  readonly cursor: string;
  readonly event: LogEvent;
}

/** Fields that are asked for. The cursor and the time come unasked. */
export const FIELDS = ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_PID"] as const;

/** The largest event that CloudWatch Logs takes is 256 KiB with 26 bytes of its own (PutLogEvents, "MessageTooLarge"). */
export const MOST_BYTES = 262_144 - 26;

/**
 * Reads one line.
 *
 * @param plain true where the message is the event, such as an audit row, which is JSON itself. Else the event is JSON with
 *   unit, name, process and priority beside the message
 * @returns undefined for a line that is no row
 */
export function parseRow(line: string, plain: boolean): Row | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const cursor = fields["__CURSOR"];
  const timestamp = Math.floor(Number(fields["__REALTIME_TIMESTAMP"]) / 1_000);
  if (typeof cursor !== "string" || !Number.isFinite(timestamp)) return undefined;
  const text = textOf(fields["MESSAGE"]);
  const rest = {
    ...named("unit", fields["_SYSTEMD_UNIT"]),
    ...named("name", fields["SYSLOG_IDENTIFIER"]),
    ...named("pid", fields["_PID"]),
    ...named("priority", fields["PRIORITY"]),
  };
  const write = (message: string): string => (plain ? message : JSON.stringify({ ...rest, message }));
  // CloudWatch Logs refuses an event without a message.
  return { cursor, event: { timestamp, message: fitting(text, write) || "(empty)" } };
}

const named = (name: string, value: unknown): Record<string, string> =>
  value === undefined ? {} : { [name]: textOf(value) };

/** A value is text, bytes where it is no UTF-8, null, or a list of those where a field was given twice. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  if (value.every((byte) => typeof byte === "number")) return Buffer.from(value as number[]).toString("utf8");
  return value.map(textOf).join("\n");
}

/** The longest beginning of a text that fits into an event, with a mark where it was cut. */
function fitting(text: string, write: (message: string) => string): string {
  const whole = write(text);
  if (Buffer.byteLength(whole) <= MOST_BYTES) return whole;
  const mark = ` (cut: ${Buffer.byteLength(text)} bytes in the machine's journal)`;
  for (let length = Math.min(text.length, MOST_BYTES); ; length = Math.floor(length * 0.7)) {
    const cut = write(`${text.slice(0, length)}${mark}`);
    if (Buffer.byteLength(cut) <= MOST_BYTES) return cut;
  }
}
