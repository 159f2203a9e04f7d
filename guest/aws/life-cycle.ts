import type { Machine } from "../../contract/machine.ts";
import type { Answer, Signals } from "./signals.ts";

/** The group that waits for signals, as machine.json names it. */
export type PoolSettings = NonNullable<NonNullable<Machine["aws"]>["pool"]>;

/** The state of the machine at one moment. */
export interface Seen {
  /** Milliseconds on a clock that only goes forward. */
  readonly now: number;
  /**
   * The state in which Auto Scaling wants this machine to be: `InService`, `Terminated`, `Warmed:Stopped` ... (Auto
   * Scaling user guide, "Retrieve the target lifecycle state through instance metadata"). Undefined where the metadata
   * has none (yet).
   */
  readonly target: string | undefined;
  /** The result of this boot's verification; undefined while it is not over. */
  readonly verdict: { readonly ok: boolean; readonly why: string } | undefined;
  /** Sealed commands that run now. */
  readonly commands: number;
  /** The time when EC2 takes this Spot machine back, in milliseconds on the same clock. Undefined without a notice. */
  readonly spotEnd: number | undefined;
}

/** The actions that the life cycle asks of the machine itself. */
export interface Actions {
  /** Refuses new commands from now on, with a reason; takes them again without one. */
  setDraining(why: string | undefined): Promise<void>;
  /** Ends every sealed command that still runs. */
  stopCommands(): Promise<void>;
  /** Tells the operator one line: on the console and in the journal. */
  say(line: string): void;
}

/** A machine that has no verdict after this time is given up, even when its hook could be prolonged. Milliseconds. */
const BOOT_MS = 40 * 60_000;
/** Commands are ended, and files written out, this long before AWS stops waiting. Milliseconds. */
const MARGIN_MS = 15_000;
/**
 * Protect the machine after this time with commands. A command that is over before needs no protection: the machine
 * would have waited for it anyway. Milliseconds.
 */
const PROTECT_AFTER_MS = 10_000;
/** End the protection after this time without commands: commands often come one after the other. Milliseconds. */
const UNPROTECT_AFTER_MS = 60_000;
/** A signal that failed is tried again after this time. Milliseconds. */
const RETRY_MS = 10_000;
/** How long to keep retrying a signal that no hook waits for yet. Milliseconds. */
const AWAIT_MS = 120_000;

/** A machine on its way out. */
interface Draining {
  /** The time at which commands that still run are ended, on the clock of {@link Seen}. */
  until: number;
  /** True when the group ends the machine, and waits for a signal. */
  byGroup: boolean;
  /** True when it is known that no command runs any more. */
  quiet: boolean;
  completed: boolean;
}

const LAUNCHING = new Set(["InService", "Warmed:Running", "Warmed:Stopped", "Warmed:Hibernated"]);
const TERMINATING = new Set(["Terminated", "Warmed:Terminated"]);

/**
 * Tells an Auto Scaling group how its machine is, and lets the machine stop in good order. It learns everything from
 * {@link tick}, which is called every few seconds, and acts only through {@link Signals} and {@link Actions}.
 *
 * A launch hook waits whenever the machine goes into service, and into a warm pool before that: the hook is completed
 * once for each target within a boot. A machine that was started again while in service has no hook that waits, which is
 * no error.
 */
export class LifeCycle {
  readonly #pool: PoolSettings | undefined;
  readonly #signals: Signals;
  readonly #actions: Actions;
  /** The launch targets whose hook has had its answer. */
  readonly #launched = new Set<string>();
  /** True when the last answer was that this machine may go into service. */
  #good = false;
  #begun: number | undefined;
  #beat = 0;
  #draining: Draining | undefined;
  #looked = false;
  #protected: boolean | undefined;
  #busySince: number | undefined;
  #idleSince: number | undefined;
  #retryAt = 0;
  /** The time of the first `not-awaited` of the series that is being retried. Undefined when there is none. */
  #firstAnswer: number | undefined;
  #complaint = "";

  constructor(pool: PoolSettings | undefined, signals: Signals, actions: Actions) {
    this.#pool = pool;
    this.#signals = signals;
    this.#actions = actions;
  }

  /** Does what is due. A signal that fails is said and tried again; it never throws for that. */
  async tick(seen: Seen): Promise<void> {
    this.#begun ??= seen.now;
    await this.#drain(seen);
    const pool = this.#pool;
    if (!pool || this.#draining) return;
    // The metadata item may be missing while the group already waits for its hook.
    const target = seen.target ?? "InService";
    if (LAUNCHING.has(target) && !this.#launched.has(target)) await this.#launch(pool, target, seen);
    else if (target === "InService" && this.#good) await this.#protect(seen);
  }

  async #launch(pool: PoolSettings, target: string, seen: Seen): Promise<void> {
    const { now } = seen;
    const late = now - (this.#begun ?? now) > BOOT_MS;
    const verdict =
      seen.verdict ?? (late ? { ok: false, why: `no verdict after ${BOOT_MS / 60_000} minutes` } : undefined);
    if (verdict === undefined) {
      if (now - this.#beat < (pool.verifySeconds * 1_000) / 3) return;
      await this.#signal(now, "the heartbeat", async () => {
        await this.#signals.heartbeat(pool.launchHook);
        this.#beat = now;
      });
      return;
    }
    const result = verdict.ok ? "CONTINUE" : "ABANDON";
    await this.#signal(now, `the launch hook's ${result}`, async () => {
      const answer = await this.#signals.complete(pool.launchHook, result);
      if (this.#early(answer, now)) return;
      this.#launched.add(target);
      this.#good = verdict.ok;
      const what = verdict.ok ? "verified" : `not verified (${verdict.why})`;
      this.#actions.say(`life cycle: ${what}: ${result} on the way to ${target}; ${heard(answer)}`);
    });
  }

  async #drain(seen: Seen): Promise<void> {
    const { now, target, commands, spotEnd } = seen;
    const pool = this.#pool;
    const drainMs = pool !== undefined && TERMINATING.has(target ?? "") ? pool.drainSeconds * 1_000 : undefined;
    if (drainMs === undefined && spotEnd === undefined) return await this.#stay();
    const known = this.#draining;
    this.#draining ??= { until: Number.POSITIVE_INFINITY, byGroup: false, quiet: false, completed: false };
    const draining = this.#draining;
    if (drainMs !== undefined && !draining.byGroup) {
      draining.byGroup = true;
      draining.until = Math.min(draining.until, now + drainMs - MARGIN_MS);
    }
    if (spotEnd !== undefined) draining.until = Math.min(draining.until, spotEnd - MARGIN_MS);
    if (known === undefined) {
      // Signals that were to be retried are of no use any more.
      this.#firstAnswer = undefined;
      this.#retryAt = 0;
      const why = draining.byGroup ? "its group ends it" : "EC2 takes this Spot machine back";
      await this.#actions.setDraining(why);
      const left = Math.max(0, Math.round((draining.until - now) / 1_000));
      this.#actions.say(`life cycle: ${why}: no new commands; ${count(commands)} may go on for ${left} s`);
      // The next look counts: a command may have been on its way in.
      return;
    }
    if (!draining.quiet) {
      if (commands > 0) {
        if (now < draining.until) return;
        this.#actions.say(`life cycle: the time is over: ${count(commands)} ended`);
        await this.#actions.stopCommands();
      }
      draining.quiet = true;
      this.#actions.say("life cycle: nothing runs any more");
    }
    if (pool === undefined || !draining.byGroup || draining.completed) return;
    await this.#signal(now, "the terminating hook's CONTINUE", async () => {
      const answer = await this.#signals.complete(pool.terminateHook, "CONTINUE");
      if (this.#early(answer, now)) return;
      draining.completed = true;
      this.#actions.say(`life cycle: drained: CONTINUE; ${heard(answer)}`);
    });
  }

  /**
   * Handles the case that nobody ends this machine, or no longer does. The first call removes the mark of an earlier
   * process.
   */
  async #stay(): Promise<void> {
    if (this.#draining === undefined && this.#looked) return;
    this.#looked = true;
    await this.#actions.setDraining(undefined);
    if (this.#draining) this.#actions.say("life cycle: this machine stays after all: commands are taken again");
    this.#draining = undefined;
  }

  async #protect({ now, commands }: Seen): Promise<void> {
    if (commands > 0) {
      this.#busySince ??= now;
      this.#idleSince = undefined;
    } else {
      this.#idleSince ??= now;
      this.#busySince = undefined;
    }
    const wish =
      this.#busySince !== undefined && now - this.#busySince >= PROTECT_AFTER_MS
        ? true
        : this.#idleSince !== undefined && now - this.#idleSince >= UNPROTECT_AFTER_MS
          ? false
          : undefined;
    if (wish === undefined || wish === this.#protected) return;
    await this.#signal(now, "the protection against scale-in", async () => {
      await this.#signals.protect(wish);
      this.#protected = wish;
    });
  }

  /**
   * The metadata may name a new target a moment before its hook waits, and a signal that comes then is lost: so one that
   * nobody waits for is sent again, for some time.
   */
  #early(answer: Answer, now: number): boolean {
    this.#firstAnswer = answer === "taken" ? undefined : (this.#firstAnswer ?? now);
    if (this.#firstAnswer === undefined) return false;
    if (now - this.#firstAnswer < AWAIT_MS) {
      this.#retryAt = now + RETRY_MS;
      return true;
    }
    this.#firstAnswer = undefined;
    return false;
  }

  /** Sends a signal; when that fails, says so once for each reason and lets some time pass before the next. */
  async #signal(now: number, what: string, send: () => Promise<void>): Promise<void> {
    if (now < this.#retryAt) return;
    try {
      await send();
      this.#complaint = "";
    } catch (error) {
      this.#retryAt = now + RETRY_MS;
      const complaint = `${what} could not be sent: ${(error as Error).message}`;
      if (complaint !== this.#complaint) this.#actions.say(`life cycle: ${complaint}; it is tried again`);
      this.#complaint = complaint;
    }
  }
}

const count = (commands: number): string => (commands === 1 ? "1 command" : `${commands} commands`);

const heard = (answer: Answer): string =>
  answer === "taken" ? "the group was told" : "the group does not wait for it";
