/** Summary of a figure that was measured several times. */
export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
  readonly runs: number;
}

/** Least, median and most of at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined) throw new Error("nothing was measured");
  const upper = sorted[middle] ?? least;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  return { least, median, most, runs: sorted.length };
}

/** Runs several things in turn, so that a computer whose speed drifts is fair to all. Returns what each run returned. */
export async function inTurn<Name extends string, T>(
  runs: number,
  actions: Readonly<Record<Name, () => Promise<T>>>,
): Promise<Record<Name, T[]>> {
  const names = Object.keys(actions) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>;
  for (let run = 0; run < runs; run += 1) for (const name of names) results[name].push(await actions[name]());
  return results;
}

/** Seconds that an action takes. */
export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return (performance.now() - startedAt) / 1000;
}
