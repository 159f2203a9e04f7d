import type { Problem, Settings } from "../../../settings/settings.ts";
import { GROUP_SIZE, groupOf, groupsFor } from "../groups.ts";
import { cronProblem } from "../schedule.ts";
import { type Checked, problem } from "./found.ts";
import { typeProblems } from "./machines.ts";

/** Problems of pools. */
export function poolProblems({ settings }: Checked): Problem[] {
  return Object.entries(settings.pools).flatMap(([name, pool]) => {
    const path = `pools.${name}`;
    const found = [
      ...(pool.instanceType === undefined ? [] : typeProblems(`${path}.instanceType`, pool.instanceType)),
      ...(pool.spot?.instanceTypes ?? []).flatMap((type) => typeProblems(`${path}.spot.instanceTypes`, type)),
      ...sizeProblems(path, pool),
      ...scheduleProblems(path, pool.schedules),
      ...repeatedTypes(`${path}.spot.instanceTypes`, [
        pool.instanceType ?? settings.instanceType,
        ...(pool.spot?.instanceTypes ?? []),
      ]),
    ];
    const other = Object.entries(settings.pools).find(([one, { max }]) => furtherGroups(one, max).includes(name));
    if (other)
      found.push(
        problem(
          path,
          name,
          `is the name of a group of ${other[0]}, which has one for every ${GROUP_SIZE} machines. Rename it.`,
        ),
      );
    if (Object.hasOwn(settings.machines, name))
      found.push(problem(path, name, "is the name of a machine too. Rename one of them."));
    return found;
  });
}

/** Names of the groups that a pool has beside the one of its own name. */
function furtherGroups(pool: string, max: number): string[] {
  return Array.from({ length: groupsFor(max) - 1 }, (_, index) => groupOf(pool, index + 1));
}

function sizeProblems(path: string, pool: Settings["pools"][string]): Problem[] {
  const found: Problem[] = [];
  const { min, max, desired } = pool;
  if (min > max) found.push(problem(`${path}.min`, min, `is above max (${max}).`));
  if (desired !== undefined && (desired < min || desired > max))
    found.push(problem(`${path}.desired`, desired, `must be from min (${min}) to max (${max}).`));
  if (pool.warmPool && pool.spot)
    found.push(problem(`${path}.warmPool`, pool.warmPool, "does not go with Spot machines: remove one of the two."));
  for (const [name, at] of Object.entries(pool.schedules)) {
    if (at.min > at.max || at.desired < at.min || at.desired > at.max)
      found.push(problem(`${path}.schedules.${name}`, at, "must have min <= desired <= max."));
  }
  return found;
}

/** Auto Scaling takes each type of a group once. */
function repeatedTypes(key: string, types: readonly string[]): Problem[] {
  const again = new Set(types.filter((type, index) => types.indexOf(type) !== index));
  return [...again].map((type) => problem(key, type, "is named twice, as the pool's own type or here. Remove one."));
}

/** Auto Scaling refuses an expression that it cannot read, and two actions that begin at one time. */
function scheduleProblems(path: string, schedules: Settings["pools"][string]["schedules"]): Problem[] {
  const all = Object.entries(schedules);
  return all.flatMap(([name, { cron, timeZone }], index) => {
    const key = `${path}.schedules.${name}.cron`;
    const wrong = cronProblem(cron);
    if (wrong !== undefined) return [problem(key, cron, `${wrong}.`)];
    const [same] = all.slice(0, index).find(([, one]) => one.cron === cron && one.timeZone === timeZone) ?? [];
    return same === undefined ? [] : [problem(key, cron, `is that of ${same} too: which size counts then?`)];
  });
}
