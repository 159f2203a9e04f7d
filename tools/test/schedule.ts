/** A stage, as far as its turn goes. */
export interface Turn {
  /** Boots a machine: a processor's work for many minutes where it is emulated, and gigabytes of memory. */
  readonly needsMachine?: boolean;
  /** Needs what is prepared, as a machine does. */
  readonly needsPulumi?: boolean;
}

export interface Room {
  /** How many stages may run at once. */
  readonly stages: number;
  /** Whether there is memory for a machine beside another stage. */
  readonly machineBesides: boolean;
  /** Whether images and toolchain are made. Default: true. */
  readonly prepared?: boolean;
}

/**
 * The stage that begins next: the first of those that wait for which there is room beside those that run. There is never more than
 * one machine. Undefined: something must end first.
 */
export function nextStage<T extends Turn>(waiting: readonly T[], running: readonly Turn[], room: Room): T | undefined {
  const { prepared = true } = room;
  if (running.length === 0) return waiting[0];
  if (running.length >= room.stages) return undefined;
  const machineRuns = running.some(({ needsMachine }) => needsMachine);
  if (machineRuns && !room.machineBesides) return undefined;
  return waiting
    .filter(({ needsMachine, needsPulumi }) => prepared || !(needsMachine || needsPulumi))
    .find(({ needsMachine }) => !needsMachine || (room.machineBesides && !machineRuns));
}

/** Runs all stages, each as soon as there is room for it, beside what some of them need first. What is thrown ends the run. */
export async function runAll<T extends Turn>(
  stages: readonly T[],
  room: Room,
  run: (stage: T) => Promise<void>,
  prepare: () => Promise<void> = async () => {},
): Promise<void> {
  const waiting = [...stages];
  const running = new Map<Turn, Promise<void>>();
  const begun: Promise<void>[] = [];
  const begin = (turn: Turn, work: Promise<void>): void => {
    const ended = work.finally(() => running.delete(turn));
    running.set(turn, ended);
    begun.push(ended);
  };
  let prepared = false;
  begin(
    {},
    prepare().then(() => {
      prepared = true;
    }),
  );
  while (waiting.length > 0 || running.size > 0) {
    for (;;) {
      const stage = nextStage(waiting, [...running.keys()], { ...room, prepared });
      if (stage === undefined) break;
      waiting.splice(waiting.indexOf(stage), 1);
      begin(stage, run(stage));
    }
    await Promise.race(running.values());
  }
  // Of two that end at once the race tells the first.
  await Promise.all(begun);
}
