import { setImmediate as pause } from "node:timers/promises";
import type { Engine } from "./engine.ts";

/** What was seen of a stack, and the state that it was seen on. */
export interface Seen<T> {
  /** Text of `pulumi stack export`. */
  readonly state: string;
  readonly seen: T;
  /** True when the state moved in the second look, too. */
  readonly hasMoved: boolean;
}

/**
 * Looks at a stack between two looks at its state, since a user's own backend takes no lock for that. When the state has
 * moved, it looks once more. Where the state is a file, it is read from there, and a mark of the file before and after it all
 * tells whether it moved; elsewhere it is exported before and after.
 *
 * @param onMoved called before the second look
 */
export async function lookSteadily<T>(
  engine: Engine,
  stack: string,
  look: () => Promise<T>,
  onMoved: () => void,
): Promise<Seen<T>> {
  const exported = async (): Promise<string> => await engine.text(["stack", "export", "--stack", stack]);
  const once = async (before?: string): Promise<Seen<T> & { readonly after?: string }> => {
    const file = await engine.stateFile?.(stack);
    if (file !== undefined) {
      // The look takes longer: it goes first.
      const [seen, state] = await bothOf(
        look(),
        pause().then(() => file.exported() ?? exported()),
      );
      return { state, seen, hasMoved: (await engine.stateFile?.(stack))?.mark !== file.mark };
    }
    const state = before ?? (await exported());
    const seen = await look();
    const after = await exported();
    const { readState } = await import("./change-set/state.ts");
    return { state, seen, after, hasMoved: readState(state).sha256 !== readState(after).sha256 };
  };
  const first = await once();
  if (!first.hasMoved) return first;
  onMoved();
  return await once(first.after);
}

/** The results of two things that run at once. When one fails, the other is still brought to its end. */
export async function bothOf<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}
