/** Signals that ask a program to stop. That of a closed terminal is not here: `nohup` ignores it, and a listener would not. */
const ASKS = ["SIGINT", "SIGTERM"] as const;
/** One Ctrl-C comes several times: from the terminal, and from each parent that hands it on (npm does). */
const SAME_MS = 1_000;

/**
 * Calls `asked` each time this process is asked to stop by SIGINT or SIGTERM. Signals within a second of each other are one
 * time.
 *
 * @param asked `times` counts from 1
 * @returns ends this; the signals then do what they do by default, unless others listen
 */
export function whenAskedToStop(asked: (times: number, signal: NodeJS.Signals) => void): () => void {
  let times = 0;
  let last = Number.NEGATIVE_INFINITY;
  const heard = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (now - last < SAME_MS) return;
    last = now;
    asked(++times, signal);
  };
  for (const signal of ASKS) process.on(signal, heard);
  return () => {
    for (const signal of ASKS) process.off(signal, heard);
  };
}
