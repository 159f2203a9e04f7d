/** Exit codes of a run that a signal stopped, as a shell reports them. */
const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

type StopSignal = keyof typeof SIGNAL_EXITS;

/** A signal stopped the run. What it had begun is taken down. */
export class Stopped extends Error {
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.exitCode = SIGNAL_EXITS[signal];
  }
}

type Kill = (signal: NodeJS.Signals) => void;

const running = new Set<Kill>();
let stopped: StopSignal | undefined;
let taken = false;

/**
 * Takes this process's signals: they are handed on to the engine, which takes down what it runs, and the caller hears of it as
 * {@link Stopped}. Where no engine runs, the process ends at once.
 */
export function stopOnSignals(): void {
  if (taken) return;
  taken = true;
  for (const signal of Object.keys(SIGNAL_EXITS) as StopSignal[]) {
    process.on(signal, () => {
      stopped ??= signal;
      // What has to go with the process goes on "exit".
      if (running.size === 0) process.exit(SIGNAL_EXITS[stopped]);
      for (const kill of running) kill(signal);
    });
  }
}

/** @throws {Stopped} when a signal has come */
export function throwIfStopped(): void {
  if (stopped !== undefined) throw new Stopped(stopped);
}

/** Hands signals on to a child for as long as it runs. */
export async function handingOn<T>(child: PromiseLike<T>, kill: Kill): Promise<T> {
  running.add(kill);
  try {
    return await child;
  } finally {
    running.delete(kill);
  }
}

/** Tells if this process takes its signals, so that it can end what the terminal's Ctrl-C does not reach. */
export const takesSignals = (): boolean => taken;

/** Waits until it is done, also when signals come: the first has begun it, or it would be left half done. */
export const untilDone = <T>(work: PromiseLike<T>): Promise<T> => handingOn(work, () => {});
