import { batched } from "./batch.ts";
import type { LogEvent, Row } from "./rows.ts";

/** Where rows go. */
export interface Destination {
  /**
   * Hands events over.
   *
   * @returns the number of events that were refused for their age, and are gone
   * @throws when they were not taken
   */
  send(events: readonly LogEvent[]): Promise<number>;
}

export interface ShipmentOptions {
  /** Rows after a place of the journal. */
  readonly read: (cursor: string | undefined, signal: AbortSignal) => AsyncIterable<Row>;
  readonly destination: Destination;
  /** The place in the journal up to which all was handed over; it outlives this process. */
  readonly cursor: { load(): Promise<string | undefined>; save(cursor: string): Promise<void> };
  /** Told of each request: undefined when it was taken, else the reason. */
  readonly told: (failure: string | undefined) => void;
  /** Told of rows that are gone for good. */
  readonly lost: (rows: number, why: string) => void;
  /** Waits, at most until the signal. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Time for which a batch waits for more rows. Milliseconds. */
export const LINGER_MS = 1_000;
/** Time between two readings, when journalctl has ended or failed. Milliseconds. */
const AGAIN_MS = 5_000;
/** Times between two tries. Milliseconds. */
const LEAST_MS = 1_000;
const MOST_MS = 60_000;

/** Errors by which CloudWatch Logs says that these very events can never be taken. */
const NEVER = /^(InvalidParameterException|SerializationException|ValidationException)$/;

/**
 * Ships a part of the journal, in order and for good: a row is done when it was taken, and only then the cursor moves on.
 * Meanwhile the journal holds what comes. A row may be told twice, after a kill or an answer that got lost.
 */
export class Shipment {
  readonly #options: ShipmentOptions;

  constructor(options: ShipmentOptions) {
    this.#options = options;
  }

  /** Ships until the signal. Then what was read is tried once more. */
  async run(signal: AbortSignal): Promise<void> {
    const { read, cursor, told, wait } = this.#options;
    // In memory as well: where it cannot be saved, as on a full disk, rows shall not be told again and again.
    let place = await cursor.load();
    while (!signal.aborted) {
      try {
        for await (const batch of batched(read(place, signal), LINGER_MS)) {
          if (!(await this.#deliver(batch.events, signal))) return;
          place = batch.cursor ?? place;
          if (place !== undefined) await cursor.save(place).catch((error: Error) => told(error.message));
        }
      } catch (error) {
        told((error as Error).message);
      }
      await wait(AGAIN_MS, signal);
    }
  }

  /** Returns false when the signal came before the events were taken. */
  async #deliver(events: readonly LogEvent[], signal: AbortSignal): Promise<boolean> {
    const { destination, told, lost, wait } = this.#options;
    for (let tries = 0; ; tries += 1) {
      const last = signal.aborted;
      try {
        const late = await destination.send(events);
        if (late > 0) lost(late, "CloudWatch Logs takes none so old, or so far ahead");
        told(undefined);
        return true;
      } catch (error) {
        const { name, message } = error as Error;
        if (NEVER.test(name)) return await this.#divide(events, message, signal);
        told(message);
        if (last) return false;
        await wait(Math.min(MOST_MS, LEAST_MS * 2 ** tries), signal);
      }
    }
  }

  /** One event that is never taken shall not hold up all that come after it. */
  async #divide(events: readonly LogEvent[], why: string, signal: AbortSignal): Promise<boolean> {
    if (events.length <= 1) {
      this.#options.lost(events.length, why);
      return true;
    }
    const half = events.length >> 1;
    return (await this.#deliver(events.slice(0, half), signal)) && (await this.#deliver(events.slice(half), signal));
  }
}
