import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Absent, Attack, Check, Control, Wall } from "./check.ts";
import type { Machine } from "./support/machine.ts";

/**
 * One program for all checks of a wall: an ssh call and a session each cost seconds on an emulated machine. It is Python, runs
 * as root on the machine, starts sealed sessions there, and prints one line of JSON with what became of each check.
 */

/** The program's result of one check. */
const Outcome = z.object({
  attack: z.object({ held: z.boolean(), saw: z.string() }).optional(),
  control: z.object({ works: z.boolean(), saw: z.string() }).optional(),
  absent: z.string().optional(),
  error: z.string().optional(),
  seconds: z.number().optional(),
});
const Outcomes = z.record(z.string(), Outcome);
type Outcomes = z.infer<typeof Outcomes>;

/** Before the line with the outcomes: whatever else the program or a session prints is not taken for it. */
const MARK = "cloister-escape-outcomes:";

/** A check of a batch, as the wall's file has it. */
export interface Described {
  /** Without the wall's name. */
  readonly id: string;
  readonly what: string;
  readonly source: string;
  /** See `Check`. Default: false. */
  readonly slow?: boolean;
}

/** Facts of this run for a program, beside the scale, such as a live address of the host. */
export type Given = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface Batch {
  readonly name: string;
  readonly keeps: string;
  readonly checks: readonly Described[];
  /** Wraps the program's run: what must be there on this computer while it runs. Default: nothing. */
  readonly around?: (machine: Machine, run: (given: Given) => Promise<Outcomes>) => Promise<Outcomes>;
}

const LIBRARY = readFileSync(join(import.meta.dirname, "far/library.py"), "utf8");

/** The wall's own program: `walls/NAME.py`. */
export function programOf(wall: string): string {
  return readFileSync(join(import.meta.dirname, "walls", `${wall}.py`), "utf8");
}

/** Makes a wall of a program: it runs once for each machine, with the first check that is asked for. */
export function batchWall(batch: Batch): Wall {
  const runs = new WeakMap<Machine, Promise<Outcomes>>();
  const outcomes = (machine: Machine): Promise<Outcomes> => {
    const running = runs.get(machine) ?? start(machine);
    runs.set(machine, running);
    return running;
  };
  const start = (machine: Machine): Promise<Outcomes> => {
    const left = machine.scale.quick ? batch.checks.filter(({ slow }) => slow) : [];
    const slowChecks = left.map(({ id }) => `${batch.name}.${id}`);
    const run = (given: Given) => runProgram(machine, batch.name, { ...given, slowChecks });
    return batch.around ? batch.around(machine, run) : run({});
  };
  const checkOf = ({ id, what, source, slow = false }: Described): Check => {
    const full = `${batch.name}.${id}`;
    const outcome = async (machine: Machine) => {
      const found = (await outcomes(machine))[full];
      if (found?.error !== undefined) throw new Error(found.error);
      return found;
    };
    return {
      id: full,
      wall: batch.name,
      what,
      source,
      slow,
      seconds: async (machine) => (await outcomes(machine))[full]?.seconds,
      async attack(machine): Promise<Attack | Absent> {
        const found = await outcome(machine);
        if (found?.absent !== undefined) return { absent: found.absent };
        return found?.attack ?? missing(full, "attack");
      },
      async control(machine): Promise<Control> {
        return (await outcome(machine))?.control ?? missing(full, "control");
      },
    };
  };
  return { name: batch.name, keeps: batch.keeps, checks: batch.checks.map(checkOf) };
}

/** Runs `walls/NAME.py`. */
const runProgram = (machine: Machine, name: string, given: object): Promise<Outcomes> =>
  runText(machine, name, programOf(name), given);

/** Runs a program's text behind the library, as root on the machine. */
export async function runText(machine: Machine, name: string, text: string, given: object): Promise<Outcomes> {
  const program = `${LIBRARY}\n${text}\nfinish()\n`;
  const { exitCode, stdout, stderr } = await machine.root(
    ["python3", "-", JSON.stringify({ ...machine.scale, ...given })],
    { stdin: program },
  );
  const line = stdout.split("\n").findLast((text) => text.startsWith(MARK));
  if (line === undefined) throw new Error(`the program of ${name} ended with ${exitCode}: ${tail(stderr)}`);
  return Outcomes.parse(JSON.parse(line.slice(MARK.length)));
}

const tail = (text: string): string => text.trim().split("\n").slice(-5).join(" | ").slice(-600);

function missing(id: string, part: string): never {
  throw new Error(`the program said nothing of ${id}'s ${part}`);
}
