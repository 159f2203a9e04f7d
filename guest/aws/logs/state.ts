/** A machine that shipped nothing for this long has not begun to. Milliseconds. */
const BEGIN_MS = 180_000;
/** An outage of this length is told. Milliseconds. */
const OUTAGE_MS = 300_000;

export interface StateActions {
  /** Writes the file that readiness reads: empty where logs are shipped, else the reason. */
  write(text: string): void;
  /** Tells the operator one line. */
  say(line: string): void;
  /** Leaves a line for the operator of this boot. */
  notice(line: string): void;
}

/** Knows how the shipping goes, from what each part's requests came to, and tells it once. */
export class ShippingState {
  readonly #actions: StateActions;
  readonly #where: string;
  /** Parts that have not been taken once. */
  readonly #waiting: Set<string>;
  /** Since when a part fails, by its name. */
  readonly #failing = new Map<string, { readonly since: number; readonly why: string }>();
  readonly #begun: number;
  #known: "yes" | "no" | undefined;
  #toldOutage = false;

  constructor(parts: readonly string[], where: string, now: number, actions: StateActions) {
    this.#waiting = new Set(parts);
    this.#where = where;
    this.#begun = now;
    this.#actions = actions;
  }

  /** A request of a part: undefined when it was taken, else why it was not. */
  told(part: string, failure: string | undefined, now: number): void {
    if (failure !== undefined) {
      this.#failing.set(part, { since: this.#failing.get(part)?.since ?? now, why: failure });
      this.look(now);
      return;
    }
    this.#failing.delete(part);
    this.#waiting.delete(part);
    if (this.#waiting.size === 0 && this.#known !== "yes") {
      this.#known = "yes";
      this.#actions.write("");
      this.#actions.say(`logs: shipped to ${this.#where}`);
    }
    if (this.#toldOutage && this.#failing.size === 0) {
      this.#toldOutage = false;
      this.#actions.say("logs: shipped again, with what the journal kept meanwhile");
    }
  }

  /** Judges by the time. */
  look(now: number): void {
    const [first] = [...this.#failing.values()].sort((a, b) => a.since - b.since);
    const why = first?.why ?? "nothing was taken yet";
    if (this.#known === undefined && this.#waiting.size > 0 && now - this.#begun >= BEGIN_MS) {
      this.#known = "no";
      this.#actions.write(`${why}\n`);
      const line = `logs: NOTHING IS SHIPPED to CloudWatch Logs: ${why}. It is tried again; the machine's journal has all of it`;
      this.#actions.say(line);
      this.#actions.notice(line);
    }
    if (this.#known === "yes" && first && !this.#toldOutage && now - first.since >= OUTAGE_MS) {
      this.#toldOutage = true;
      this.#actions.say(
        `logs: nothing is taken for ${Math.round((now - first.since) / 60_000)} minutes: ${why}. The machine's journal keeps it`,
      );
    }
  }
}
