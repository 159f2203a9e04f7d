/** Pools whose size follows other schedules than before. */
import { canonicalText } from "../change-set/canonical.ts";
import type { MachineEffect } from "../change-set/document.ts";
import { componentOf, nameOf } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { inputsOf } from "./beside.ts";

/** Schedules of one pool that are told. */
const MOST = 5;
const SCHEDULE = "aws:autoscaling/schedule:Schedule";

interface Size {
  readonly min: number;
  readonly max: number;
  readonly desired: number;
}

/** One row for each pool with changed schedules. Machines end by a schedule that asks for fewer. */
export function scheduleEffects(resources: readonly Merged[]): MachineEffect[] {
  const pools = new Map<string, Merged[]>();
  for (const one of resources) {
    if (one.type !== SCHEDULE || one.op === "same") continue;
    const pool = componentOf(one).replace(/^pool /, "") || nameOf(one.urn);
    pools.set(pool, [...(pools.get(pool) ?? []), one]);
  }
  return [...pools].map(([name, changed]) => {
    const notes = changed.map((one) => noteOf(one, nameOf(one.urn).replace(`${name}-`, ""))).sort();
    if (notes.length > MOST) notes.splice(MOST, notes.length, `And ${notes.length - MOST} more.`);
    const isLess = changed.some(asksForFewer);
    const end = isLess ? " Machines above that end then, and their session disks are deleted." : "";
    const effect = isLess ? "shrinks by schedule" : "rescheduled";
    return { name, kind: "pool", effect, order: 1, minutes: null, note: `${notes.join(" ")}${end}` };
  });
}

/** Tells whether a schedule's change makes machines end that stayed until now. */
function asksForFewer({ op, old, new: wanted }: Merged): boolean {
  if (op === "delete") return false;
  const [before, after] = [sizeOf(old), sizeOf(wanted)];
  return op === "create" || after.desired < before.desired || after.max < before.max;
}

function noteOf({ op, old, new: wanted }: Merged, name: string): string {
  if (op === "delete") return `The schedule ${name} goes.`;
  const is = inWords(sizeOf(wanted));
  if (op === "create") return `The schedule ${name} comes: ${is}.`;
  const isTime = timeOf(old) !== timeOf(wanted);
  const was = inWords(sizeOf(old));
  const sizes = is === was ? "" : ` ${is}, instead of ${was}`;
  return `The schedule ${name}:${sizes}${isTime ? `${sizes ? ", and" : ""} at other times` : ""}.`;
}

function timeOf(side: Merged["old"]): string {
  const { recurrence, timeZone, startTime, endTime } = inputsOf(side);
  return canonicalText([recurrence, timeZone, startTime, endTime].map((one) => one ?? null));
}

function sizeOf(side: Merged["old"]): Size {
  const inputs = inputsOf(side);
  const number = (key: string): number => Number(inputs[key] ?? 0) || 0;
  return { min: number("minSize"), max: number("maxSize"), desired: number("desiredCapacity") };
}

const inWords = ({ min, max, desired }: Size): string => `${desired} (${min} to ${max})`;
