/** Steps of a machine or container of this computer: commands, of which the engine knows nothing else. */
import type { Merged } from "./merge.ts";
import { isObject, type Plain, plain } from "./values.ts";

export const COMMAND = "command:local:Command";

/** The name of a command's step (`infra/local/step-command.ts`, `infra/container/up.ts`); undefined for other commands. */
export function stepOf({ old, new: wanted }: Pick<Merged, "old" | "new">): string | undefined {
  const { create } = plain((wanted ?? old)?.inputs ?? {}) as { readonly create?: unknown };
  return typeof create === "string" ? /steps\/main\.ts ([a-z-]+) create$/.exec(create)?.[1] : undefined;
}

/** The input of a step; empty where it is not known. */
export function stepInput(side: Merged["old"]): { readonly [key: string]: Plain } {
  const { environment } = plain(side?.inputs ?? {}) as { readonly environment?: Plain };
  const text = isObject(environment ?? null)
    ? (environment as { [key: string]: Plain })["CLOISTER_STEP_INPUT"]
    : undefined;
  if (typeof text !== "string") return {};
  try {
    const input = JSON.parse(text) as Plain;
    return isObject(input) ? input : {};
  } catch {
    return {};
  }
}
