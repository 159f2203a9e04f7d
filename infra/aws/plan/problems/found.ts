import { defined } from "../../../../lib/defined.ts";
import type { Problem, Settings } from "../../../settings/settings.ts";

/** Everything that a check of one group of keys looks at. */
export interface Checked {
  readonly settings: Settings;
  readonly stack: string;
  /** Keys, or parts of their values, that were refused already and are not in the settings. */
  readonly refused: readonly string[];
}

/** One problem of a key. The value is left out where there is none. */
export function problem(key: string, value: unknown, message: string): Problem {
  return defined({ path: `cloister:${key}`, value: JSON.stringify(value) as string | undefined, message });
}
