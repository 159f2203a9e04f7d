import type { Problem } from "../../../settings/settings.ts";
import { instanceTypeFacts } from "../graviton.ts";
import { zonesOf } from "../zones.ts";
import { type Checked, problem } from "./found.ts";

/** Problems of instance types and of named machines. */
export function machineProblems({ settings, refused }: Checked): Problem[] {
  const found: Problem[] = [];
  const names = [...Object.keys(settings.machines), ...Object.keys(settings.pools)];
  if (names.length === 0 && !refused.some((one) => /^(machines|pools)\b/.test(one)))
    found.push(problem("machines", undefined, "names no machine, and cloister:pools no pool. Write one of them."));
  found.push(...typeProblems("instanceType", settings.instanceType));
  const zones = zonesOf(settings);
  for (const [name, { instanceType, zone }] of Object.entries(settings.machines)) {
    if (instanceType !== undefined) found.push(...typeProblems(`machines.${name}.instanceType`, instanceType));
    if (zone !== undefined && !zones.includes(zone))
      found.push(problem(`machines.${name}.zone`, zone, `is none of cloister:zones (${zones.join(", ")}).`));
  }
  return [...found, ...successorProblems(settings)];
}

/** Problems of machines that say whose successors they are: a session disk has one machine. */
function successorProblems({ machines }: Checked["settings"]): Problem[] {
  return Object.entries(machines).flatMap(([name, { was }]) => {
    if (was === undefined) return [];
    const of = (message: string): Problem => problem(`machines.${name}.was`, was, message);
    if (Object.hasOwn(machines, was))
      return [of("is a machine of this stack: two cannot have one session disk. Remove one of the two.")];
    const other = Object.keys(machines).find((one) => one < name && machines[one]?.was === was);
    return other === undefined ? [] : [of(`is said of ${other} as well: two cannot have one session disk.`)];
  });
}

/** Problems of an instance type that a key names. */
export function typeProblems(key: string, type: string): Problem[] {
  const { generation, lacks } = instanceTypeFacts(type);
  if (generation === undefined)
    return [problem(key, type, "is no Graviton instance type. Write c8g.xlarge, or another of c8g, m8g, r8g.")];
  if (lacks.length === 0) return [];
  const missing = lacks.join(", ");
  return [
    problem(
      key,
      type,
      `is Graviton${generation}, which lacks ${missing} of the reference. Write c8g, m8g or r8g (Graviton4) or newer.`,
    ),
  ];
}
