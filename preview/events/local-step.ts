/** Steps of a machine or container of this computer: commands, of which the engine knows nothing else. */
import type { Merged } from "./merge.ts";
import { isObject, type Plain, plain } from "./values.ts";

export const COMMAND = "command:local:Command";

/** Steps that a command's texts name (`infra/local/step-command.ts`, `infra/container/up.ts`), with whatever is around. */
function stepsIn(side: Merged["old"]): string[] {
  const inputs = plain(side?.inputs ?? {}) as { readonly [key: string]: Plain };
  return ["create", "update", "delete"].flatMap((half) => {
    const text = inputs[half];
    return typeof text === "string" ? [...text.matchAll(STEP)].map(([, name = ""]) => name) : [];
  });
}

const STEP = /steps\/main\.ts["']?\s+["']?([a-z-]+)/g;

/**
 * Tells whether a command is a step, before the change or after it: the program may write another text into the new
 * command, and the old one still runs where the step goes away.
 */
export const isStep = ({ old, new: wanted }: Pick<Merged, "old" | "new">, step: string): boolean =>
  [old, wanted].some((side) => stepsIn(side).includes(step));

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
