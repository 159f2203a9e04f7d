import { RowCount, RowRate } from "./audit-counts.ts";
import { AUDIT_SOCKET, JournalStream } from "./audit-journal.ts";
import type { EgressDecision } from "./decision.ts";

/** The log that takes the rows about the network, one JSON object a line. */
export interface AuditLog {
  write(decision: EgressDecision): void;
  /** Resolves when every row was handed over. */
  close(): Promise<void>;
}

/**
 * Time between two rows of counts, at first and at most. It doubles each time while the session goes on. Milliseconds.
 */
const COUNTED_MS = { first: 1_000, most: 60_000 } as const;

/** Time for which failures are gathered before they are reported. Milliseconds. */
const TOLD_MS = 1_000;

/** Texts that a session chooses are cut to this length, so that a row has a bounded size. */
const MOST_CHARACTERS = 1_024;

/**
 * The audit log of one session, in the machine's journal of audit rows. A session that asks for nothing costs nothing;
 * one that asks without end is counted (see {@link RowRate}): denied and allowed rows apart, so that neither hides the
 * other. The number of waiting rows is bounded, whatever the session and the journal do.
 *
 * @param onProblem told when the journal takes no rows: once, and at the end how many more are missing
 */
export function journal(onProblem: (line: string) => void, path: string = AUDIT_SOCKET): AuditLog {
  return new JournalLog(onProblem, (onFailure) => new JournalStream(onFailure, path));
}

/** The stream to which rows are written. */
export type RowStream = Pick<JournalStream, "ready" | "write" | "close">;

/**
 * Makes the same log in another place than the machine's journal.
 *
 * @param open makes the stream, which tells by its argument why it takes nothing and how many rows are lost
 */
export function auditInto(
  onProblem: (line: string) => void,
  open: (onFailure: (why: string, rows: number) => void) => RowStream,
): AuditLog {
  return new JournalLog(onProblem, open);
}

class JournalLog implements AuditLog {
  readonly #onProblem: (line: string) => void;
  readonly #stream: RowStream;
  readonly #verdicts = new Map<EgressDecision["verdict"], { readonly rate: RowRate; readonly count: RowCount }>();
  #every: number = COUNTED_MS.first;
  #timer: NodeJS.Timeout | undefined;
  #why: string | undefined;
  #told = false;
  #telling: NodeJS.Timeout | undefined;
  #missing = 0;

  constructor(onProblem: (line: string) => void, open: (onFailure: (why: string, rows: number) => void) => RowStream) {
    this.#onProblem = onProblem;
    this.#stream = open((why, rows) => this.#failed(why, rows));
  }

  write(decision: EgressDecision): void {
    const kind = this.#of(decision.verdict);
    const row = bounded(decision);
    const line = JSON.stringify(row);
    if (kind.rate.take(line.length) && this.#stream.ready()) {
      this.#stream.write(line);
      return;
    }
    kind.count.add(row);
    this.#timer ??= setTimeout(() => this.#writeCounted(), this.#every);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flush(true);
    await this.#stream.close();
    for (const [verdict, { count }] of this.#verdicts) this.#missing += count.take(verdict).counted;
    clearTimeout(this.#telling);
    if (this.#missing > 0 || (this.#why !== undefined && !this.#told)) this.#tell();
  }

  #of(verdict: EgressDecision["verdict"]) {
    const known = this.#verdicts.get(verdict);
    if (known !== undefined) return known;
    const made = { rate: new RowRate(), count: new RowCount() };
    this.#verdicts.set(verdict, made);
    return made;
  }

  #writeCounted(): void {
    this.#timer = undefined;
    this.#every = this.#flush() ? Math.min(this.#every * 2, COUNTED_MS.most) : COUNTED_MS.first;
    // Run once more: it writes what is counted by then, or else makes the interval short again.
    if (this.#every > COUNTED_MS.first || !this.#empty()) {
      this.#timer = setTimeout(() => this.#writeCounted(), this.#every);
    }
  }

  /** Writes what was counted, as far as the journal takes it. Returns true when there was something to write. */
  #flush(last = false): boolean {
    let wrote = false;
    for (const [verdict, { count }] of this.#verdicts) {
      if (count.empty || !this.#stream.ready(last)) continue;
      this.#stream.write(JSON.stringify(count.take(verdict)));
      wrote = true;
    }
    return wrote;
  }

  #empty(): boolean {
    return [...this.#verdicts.values()].every(({ count }) => count.empty);
  }

  #failed(why: string, rows: number): void {
    this.#why ??= why;
    this.#missing += rows;
    if (!this.#told) this.#telling ??= setTimeout(() => this.#tell(), TOLD_MS);
  }

  #tell(): void {
    const rows = this.#missing;
    this.#missing = 0;
    this.#told = true;
    const why = this.#why ?? "it was too slow";
    this.#onProblem(
      `the audit log of the network could not be written: ${why}${rows > 0 ? `: ${rows} rows are missing` : ""}`,
    );
  }
}

/** Returns the decision with the session's texts cut. */
function bounded(decision: EgressDecision): EgressDecision {
  const { host, reason, path, method } = decision;
  return {
    ...decision,
    host: cut(host),
    reason: cut(reason),
    ...(path === undefined ? {} : { path: cut(path) }),
    ...(method === undefined ? {} : { method: cut(method) }),
  };
}

const cut = (text: string) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text);
