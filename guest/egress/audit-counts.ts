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

/** Maximum number of hosts that a counted row lists, and of characters of all their names. */
const MOST_HOSTS = { number: 20, characters: 1_024 } as const;

/**
 * The rates up to which rows are written one by one. The first allows many at once, as installing packages makes them,
 * and then some each second. The second is low over hours. The third counts characters, which a session chooses most
 * of: a row has two hundred, or three thousand. So a session that asks without end fills a small part of the journal in
 * a day.
 */
export const RATES = [
  { burst: 200, perSecond: 50, of: "rows" },
  { burst: 10_000, perSecond: 0.5, of: "rows" },
  { burst: 4 * 1024 * 1024, perSecond: 100, of: "characters" },
] as const;

/** A bucket of tokens for each of {@link RATES}: a row needs some of each. */
export class RowRate {
  readonly #now: () => number;
  readonly #tokens: number[] = RATES.map(({ burst }) => burst);
  #filledAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#filledAt = now();
  }

  /** @param characters length of the row */
  take(characters: number): boolean {
    const now = this.#now();
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    RATES.forEach(({ burst, perSecond }, at) => {
      this.#tokens[at] = Math.min(burst, (this.#tokens[at] ?? 0) + seconds * perSecond);
    });
    const needs = RATES.map(({ of }) => (of === "rows" ? 1 : characters));
    if (needs.some((need, at) => (this.#tokens[at] ?? 0) < need)) return false;
    needs.forEach((need, at) => {
      this.#tokens[at] = (this.#tokens[at] ?? 0) - need;
    });
    return true;
  }
}

/** Counts decisions instead of keeping them. Its size is bounded whatever a session asks for. */
export class RowCount {
  #counted = 0;
  #since = "";
  #session = "";
  #others = 0;
  #characters = 0;
  readonly #hosts = new Map<string, number>();

  add({ time, session, host, port }: EgressDecision): void {
    if (this.#counted === 0) {
      this.#since = time;
      this.#session = session;
    }
    this.#counted += 1;
    const name = `${host}:${port}`;
    const seen = this.#hosts.get(name);
    if (seen !== undefined) this.#hosts.set(name, seen + 1);
    else if (this.#hosts.size < MOST_HOSTS.number && this.#characters + name.length <= MOST_HOSTS.characters) {
      this.#hosts.set(name, 1);
      this.#characters += name.length;
    } else this.#others += 1;
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
    this.#characters = 0;
    this.#hosts.clear();
    return row;
  }
}
