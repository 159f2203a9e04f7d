import type { EgressDecision } from "./decision.ts";

/** Rows that were not written one by one, of one session and one verdict. */
export interface CountedRow {
  /** The time when the row was written, as in {@link EgressDecision}. */
  readonly time: string;
  readonly session: string;
  readonly verdict: EgressDecision["verdict"];
  /** Number of decisions that the row stands for. */
  readonly counted: number;
  /** The time of the first of these decisions. */
  readonly since: string;
  /** Hosts, as `host:port`, and the number of decisions about each. */
  readonly hosts: readonly (readonly [host: string, count: number])[];
  /** Number of decisions about hosts that are not listed. */
  readonly others: number;
}

/** Maximum number of hosts that a counted row lists. */
const MOST_HOSTS = 20;

/**
 * The rates up to which rows are written one by one. The first allows many at once, as installing packages makes them,
 * and then some each second. The second is low over hours: a session that asks without end fills a day's part of the
 * journal, not all of it.
 */
export const RATES = [
  { burst: 200, perSecond: 50 },
  { burst: 10_000, perSecond: 0.5 },
] as const;

/** A bucket of tokens for each of {@link RATES}: a row needs one of each. */
export class RowRate {
  readonly #now: () => number;
  readonly #tokens: number[] = RATES.map(({ burst }) => burst);
  #filledAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#filledAt = now();
  }

  take(): boolean {
    const now = this.#now();
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    RATES.forEach(({ burst, perSecond }, at) => {
      this.#tokens[at] = Math.min(burst, (this.#tokens[at] ?? 0) + seconds * perSecond);
    });
    if (this.#tokens.some((left) => left < 1)) return false;
    for (const at of this.#tokens.keys()) this.#tokens[at] = (this.#tokens[at] ?? 0) - 1;
    return true;
  }
}

/** Counts decisions instead of keeping them. Its size is bounded whatever a session asks for. */
export class RowCount {
  #counted = 0;
  #since = "";
  #session = "";
  #others = 0;
  readonly #hosts = new Map<string, number>();

  add({ time, session, host, port }: EgressDecision): void {
    if (this.#counted === 0) {
      this.#since = time;
      this.#session = session;
    }
    this.#counted += 1;
    const name = `${host}:${port}`;
    const seen = this.#hosts.get(name);
    if (seen !== undefined || this.#hosts.size < MOST_HOSTS) this.#hosts.set(name, (seen ?? 0) + 1);
    else this.#others += 1;
  }

  get empty(): boolean {
    return this.#counted === 0;
  }

  /** Returns the row, and begins a new count. */
  take(verdict: EgressDecision["verdict"]): CountedRow {
    const row = {
      time: new Date().toISOString(),
      session: this.#session,
      verdict,
      counted: this.#counted,
      since: this.#since,
      hosts: [...this.#hosts],
      others: this.#others,
    };
    this.#counted = 0;
    this.#others = 0;
    this.#hosts.clear();
    return row;
  }
}
