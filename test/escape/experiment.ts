import type { Attack, Check, Control, Wall } from "./check.ts";
import type { Machine } from "./support/machine.ts";

/** The results of an experiment, by the check's id without the wall's name. */
export type Results = Readonly<Record<string, { readonly attack: Attack; readonly control: Control }>>;

/** A wall whose checks all come from one experiment on a machine. */
export interface ExperimentWall {
  readonly name: string;
  readonly keeps: string;
  /** Where the checks come from: an item of the report. */
  readonly source: string;
  readonly checks: readonly (Pick<Check, "what" | "slow"> & { readonly id: string })[];
  readonly make: (machine: Machine) => Promise<Results>;
}

/** Makes the wall: the experiment runs once for each machine, with the first check that is asked for. */
export function experimentWall({ name, keeps, source, checks, make }: ExperimentWall): Wall {
  const runs = new WeakMap<Machine, Promise<Results>>();
  const part = async (machine: Machine, id: string) => {
    const running = runs.get(machine) ?? make(machine);
    runs.set(machine, running);
    const found = (await running)[id];
    if (found === undefined) throw new Error(`nothing was seen of ${name}.${id}`);
    return found;
  };
  return {
    name,
    keeps,
    checks: checks.map(({ id, what, slow = false }) => ({
      id: `${name}.${id}`,
      wall: name,
      what,
      source,
      slow,
      attack: async (machine) => (await part(machine, id)).attack,
      control: async (machine) => (await part(machine, id)).control,
    })),
  };
}
