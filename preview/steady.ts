import { readState } from "./change-set/state.ts";
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
 * Looks at a stack between two exports of its state, since a user's own backend takes no lock for that. When the state has
 * moved, it looks once more.
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
  const between = async (state: string) => {
    const seen = await look();
    const after = await exported();
    return { state, seen, after, hasMoved: readState(state).sha256 !== readState(after).sha256 };
  };
  const first = await between(await exported());
  if (!first.hasMoved) return first;
  onMoved();
  return await between(first.after);
}
