import { distance } from "fastest-levenshtein";

/** Returns the name that the user probably meant; undefined when no name is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const far = (known: string): number => distance(name.toLowerCase(), known.toLowerCase());
  const [first] = [...names].sort((a, b) => far(a) - far(b));
  if (first === undefined) return undefined;
  // Two swapped letters count as two changes.
  const allowed = Math.min(Math.max(2, Math.floor(first.length / 3)), Math.max(name.length, first.length) - 1);
  return far(first) <= allowed ? first : undefined;
}
