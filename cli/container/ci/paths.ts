import { realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

/** The path with its links followed, as far as it is there. */
export function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const whole = resolve(path);
    const parent = dirname(whole);
    return parent === whole ? whole : join(real(parent), basename(whole));
  }
}

/** Tells if a path is a folder, or in it. Both are absolute. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith("../");
}
