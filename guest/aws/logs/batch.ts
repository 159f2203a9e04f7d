import type { LogEvent, Row } from "./rows.ts";

/** Limits of one request (CloudWatch Logs API reference, PutLogEvents). */
const MOST_EVENTS = 10_000;
const MOST_BYTES = 1_048_576;
const OVERHEAD = 26;
const MOST_SPAN_MS = 24 * 3_600_000 - 1_000;

/** Rows that go into one request. */
export class Batch {
  readonly #rows: Row[] = [];
  #bytes = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#rows.length;
  }

  /** The place of the last row in the journal. */
  get cursor(): string | undefined {
    return this.#rows.at(-1)?.cursor;
  }

  /** Events in the order of their times, which is asked for. The journal's order differs where the clock was set back. */
  get events(): LogEvent[] {
    return this.#rows.map(({ event }) => event).sort((a, b) => a.timestamp - b.timestamp);
  }

  /** Tells whether one more row fits. The first always does. */
  takes({ event }: Row): boolean {
    const first = Math.min(this.#first, event.timestamp);
    const last = Math.max(this.#last, event.timestamp);
    return (
      this.size === 0 ||
      (this.size < MOST_EVENTS && this.#bytes + sizeOf(event) <= MOST_BYTES && last - first <= MOST_SPAN_MS)
    );
  }

  add(row: Row): void {
    this.#rows.push(row);
    this.#bytes += sizeOf(row.event);
    this.#first = Math.min(this.#first, row.event.timestamp);
    this.#last = Math.max(this.#last, row.event.timestamp);
  }
}

const sizeOf = ({ message }: LogEvent): number => Buffer.byteLength(message) + OVERHEAD;

/**
 * Puts rows into batches. A batch goes when it is full, when `lingerMs` have passed since its first row, and at the end.
 */
export async function* batched(rows: AsyncIterable<Row>, lingerMs: number): AsyncGenerator<Batch, void> {
  const iterator = rows[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<Row>> | undefined;
  let batch = new Batch();
  let late: Promise<undefined> | undefined;
  for (;;) {
    next ??= iterator.next();
    const found = await (late === undefined ? next : Promise.race([next, late]));
    if (found !== undefined) next = undefined;
    const full = found !== undefined && !found.done && !batch.takes(found.value);
    if (batch.size > 0 && (found === undefined || found.done || full)) {
      yield batch;
      batch = new Batch();
      late = undefined;
    }
    if (found === undefined) continue;
    if (found.done) return;
    batch.add(found.value);
    late ??= new Promise((resolve) => void setTimeout(resolve, lingerMs, undefined));
  }
}
