/** A stage, as far as its turn goes. */
export interface Turn {
  /** Boots a machine: a processor's work for many minutes where it is emulated, and gigabytes of memory. */
  readonly needsMachine?: boolean;
}

export interface Room {
  /** How many stages may run at once. */
  readonly stages: number;
  /** Whether there is memory for a machine beside another stage. */
  readonly machineBesides: boolean;
}

/**
 * The stage that begins next: the first of those that wait for which there is room beside those that run. There is never more than
 * one machine. Undefined: something must end first.
 */
export function nextStage<T extends Turn>(waiting: readonly T[], running: readonly Turn[], room: Room): T | undefined {
  if (running.length === 0) return waiting[0];
  if (running.length >= room.stages) return undefined;
  const machineRuns = running.some(({ needsMachine }) => needsMachine);
  if (machineRuns && !room.machineBesides) return undefined;
  return waiting.find(({ needsMachine }) => !needsMachine || (room.machineBesides && !machineRuns));
}

/** Runs all stages, each as soon as there is room for it. What is thrown ends the run. */
export async function runAll<T extends Turn>(
  stages: readonly T[],
  room: Room,
  run: (stage: T) => Promise<void>,
): Promise<void> {
  const waiting = [...stages];
  const running = new Map<T, Promise<void>>();
  while (waiting.length > 0 || running.size > 0) {
    for (;;) {
      const stage = nextStage(waiting, [...running.keys()], room);
      if (stage === undefined) break;
      waiting.splice(waiting.indexOf(stage), 1);
      const ended = run(stage).finally(() => running.delete(stage));
      running.set(stage, ended);
    }
    await Promise.race(running.values());
  }
}
