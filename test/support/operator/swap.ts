import { rename, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Somebody who swaps the folder `sub` of a folder for a link, and back, at moments that a seed says. */
export interface Swapping {
  /** @returns how often it was done */
  readonly stop: () => Promise<number>;
}

/**
 * Begins to swap. Where another has put a folder in the link's place meanwhile, the next round takes that one.
 *
 * @param target where the link leads to
 */
export function swap(folder: string, target: string, seed: number): Swapping {
  let over = false;
  const random = generator(seed);
  const quietly = (act: Promise<void>) => act.catch(() => {});
  const sub = join(folder, "sub");
  const swapping = (async () => {
    let swaps = 0;
    for (; !over; swaps++) {
      const kept = join(folder, `kept-${swaps}`);
      await quietly(rename(sub, kept));
      await quietly(symlink(target, sub));
      await sleep(random(4));
      await quietly(unlink(sub));
      await quietly(rename(kept, sub));
      await sleep(random(4));
    }
    return swaps;
  })();
  return {
    stop: () => {
      over = true;
      return swapping;
    },
  };
}

/** A linear congruential generator: the same numbers for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
