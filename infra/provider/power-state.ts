import { randomUUID } from "node:crypto";
import { isWithoutDisks, livingProcess } from "../local/host/living.ts";
import { pathsInState } from "../local/paths.ts";
import { POWER_STATE_TYPE } from "./type.ts";

/**
 * The resource `cloister:local:PowerState`: exists while the machine runs. The provider `command`, which starts and stops
 * machines, never looks at them again; this one does, so that
 *
 * - `pulumi refresh` drops the resource when the machine has died, and
 * - `pulumi preview` and `up` replace it then; what starts the machine depends on its id and starts it again.
 *
 * Its one property is `root`, the folder of the machine's state.
 */
type Properties = Readonly<Record<string, unknown>>;

/** Tells whether the machine of this folder runs. */
type Alive = (root: string) => boolean;

const alive: Alive = (root) => {
  const machine = livingProcess(pathsInState(root));
  return machine !== undefined && !isWithoutDisks(machine.pid);
};

/** Problems of the inputs. */
export function check(urn: string, inputs: Properties): string[] {
  if (!urn.includes(`${POWER_STATE_TYPE}::`)) return [`the plugin cloister knows only ${POWER_STATE_TYPE}, not ${urn}`];
  // A preview may not know the folder yet; the engine sends its word for "unknown" then, which is a string too.
  return typeof inputs["root"] === "string" && inputs["root"] !== "" ? [] : ["must be the folder of a machine's state"];
}

/** Every start of a machine has an id of its own. */
export const newId = (): string => randomUUID();

/** Tells whether the machine of this folder has died. A folder that was only moved, with its machine, is no reason. */
export function mustReplace(news: Properties, runs: Alive = alive): boolean {
  return !runs(String(news["root"]));
}

/** Tells whether there is anything to find at a refresh. */
export function exists(properties: Properties, runs: Alive = alive): boolean {
  return runs(String(properties["root"]));
}
