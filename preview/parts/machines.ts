import { at, type Differences } from "../change-set/differences.ts";
import type { MachineEffect } from "../change-set/document.ts";
import { componentOf, componentOfParent, nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { type Plain, plain } from "../events/values.ts";
import { localMachineEffects } from "./local-machine.ts";
import { scheduleEffects } from "./schedules.ts";

/**
 * Minutes from the end of the old machine to the verified new one. We assumed these numbers and did not measure them:
 * EC2 takes one or two minutes to stop and start, and the first boot with its verification takes the rest. Nothing here
 * was run on AWS (docs/fidelity.md).
 */
const REPLACEMENT = { least: 3, most: 10 };
/**
 * Minutes that an instance refresh waits for busy machines, an hour, before it fails (Auto Scaling user guide,
 * "Instance refresh").
 */
const PATIENCE = 60;
/** The part of a group that may be out of service at the same time: by default 90 % stay healthy. */
const AT_ONCE = 0.1;

/** The machines that restart or roll, with their order and the approximate time. */
export function machineEffects(
  resources: readonly Merged[],
  differences: ReadonlyMap<string, Differences>,
): MachineEffect[] {
  const effects = resources.flatMap((resource) => {
    const short = shortType(resource.type);
    if (resource.op === "same" || !resource.type.startsWith("aws:")) return [];
    // An import starts nothing.
    if (resource.op === "create" && resource.isImported) return [];
    // Databases are instances as well, and no machines.
    if (resource.type === "aws:ec2/instance:Instance") return [machine(resource)].filter((one) => one !== undefined);
    return short === "Group" ? [pool(resource, differences)].filter((one) => one !== undefined) : [];
  });
  const scheduled = scheduleEffects(resources).filter(({ name }) => !isTold(name, effects));
  return [...effects, ...scheduled, ...localMachineEffects(resources)].sort(
    (a, b) => a.order - b.order || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.effect < b.effect ? -1 : 1),
  );
}

/** Effects of a pool that say of themselves that its machines end. */
const ENDING: readonly MachineEffect["effect"][] = ["deleted", "replaced", "rolls", "shrinks"];

/**
 * Tells whether a pool's rows say already what a schedule would: its machines end, or all of it is new. A pool that is
 * only resized says nothing of machines that its schedule ends.
 */
function isTold(pool: string, effects: readonly MachineEffect[]): boolean {
  const rows = effects.filter(({ kind, name }) => kind === "pool" && name.replace(/ \(group .*/, "") === pool);
  return rows.some(({ effect }) => ENDING.includes(effect)) || (rows.length > 0 && rows.every(isNew));
}

const isNew = ({ effect }: MachineEffect): boolean => effect === "created";

function machine({ op, urn, ...rest }: Merged): MachineEffect | undefined {
  const name = (componentOf(rest) || nameOf(urn)).replace(/^machine /, "");
  const former = componentOfParent(rest.old?.parent ?? "").replace(/^machine /, "");
  const made = { name, kind: "machine" as const };
  switch (op) {
    case "replace":
      return {
        ...made,
        effect: "replaced",
        order: 1,
        minutes: REPLACEMENT,
        note: [
          former === "" || former === name ? "" : `Until now it is called ${former}.`,
          "The old one ends first, and all sessions on it; its root disk is new.",
        ]
          .filter(Boolean)
          .join(" "),
      };
    case "create":
      return { ...made, effect: "created", order: 1, minutes: REPLACEMENT, note: "" };
    case "delete":
      return { ...made, effect: "deleted", order: 3, minutes: null, note: "All sessions on it end." };
    default:
      return undefined;
  }
}

function pool(
  { op, urn, old, new: wanted }: Merged,
  differences: ReadonlyMap<string, Differences>,
): MachineEffect | undefined {
  const component = componentOf({ ...(old ? { old } : {}), ...(wanted ? { new: wanted } : {}) }).replace(/^pool /, "");
  const name = component === "" || component === nameOf(urn) ? nameOf(urn) : `${component} (group ${nameOf(urn)})`;
  const made = { name, kind: "pool" as const };
  const paths = (differences.get(urn)?.list ?? []).map(({ path }) => path);
  const before = sizeOf(plain(old?.inputs ?? {}));
  const after = sizeOf(plain(wanted?.inputs ?? {}));
  const isShare = name.includes("(group ") ? " A pool is one group for every 500 machines." : "";
  if (op === "create")
    return { ...made, effect: "created", order: 1, minutes: null, note: `${machinesText(after)}.${isShare}` };
  if (op === "delete")
    return {
      ...made,
      effect: "deleted",
      order: 3,
      minutes: null,
      note: "Its machines end when their commands have ended, and their session disks are deleted.",
    };
  const waiting = [old, wanted].map((state) => warmIn(plain(state?.inputs ?? {})));
  const warm =
    waiting[0] === waiting[1] ? "" : `Machines that wait, started ahead: ${waiting[1]} instead of ${waiting[0]}.`;
  const sizes = inWords(before) === inWords(after) ? "" : `${machinesText(before)} become ${inWords(after)}.`;
  const resized = [sizes, warm].filter(Boolean).join(" ");
  if (op === "replace")
    return {
      ...made,
      effect: "replaced",
      order: 2,
      minutes: null,
      note: `A new group starts ${machinesText(after)}. Those of the old one end when their commands have ended, and their session disks are deleted.`,
    };
  if (paths.some((path) => /^(?:launchTemplate|mixedInstancesPolicy)\b/.test(path)))
    return {
      ...made,
      effect: "rolls",
      order: 2,
      minutes: rolling(after),
      note: [
        resized,
        beginsSpot(plain(old?.inputs ?? {}), plain(wanted?.inputs ?? {}))
          ? "From then on AWS may end machines on Spot whenever it wants them back, with two minutes' notice."
          : "",
        "One after the other, 90 % stay healthy; the session disk of each machine is deleted with it. Busy ones are waited for, an hour at most: then it stops half-way, and nothing rolls back by itself. The deploy does not wait for it.",
      ]
        .filter(Boolean)
        .join(" "),
    };
  if (resized === "") return undefined;
  if (after.max >= before.max) return { ...made, effect: "resized", order: 1, minutes: null, note: resized };
  const end = "Machines above that end when their commands have ended, and their session disks are deleted.";
  return { ...made, effect: "shrinks", order: 1, minutes: null, note: `${resized} ${end}` };
}

function warmIn(inputs: Plain): string {
  if (at(inputs, "warmPool") === undefined) return "none";
  const [least, state] = [at(inputs, "warmPool.minSize"), at(inputs, "warmPool.poolState")];
  return `at least ${typeof least === "number" ? least : 0}, ${state === "Running" ? "running" : "stopped"}`;
}

/** Tells whether machines come on Spot that were on-demand until now. */
function beginsSpot(before: Plain, after: Plain): boolean {
  const share = (inputs: Plain): number => {
    const distribution = at(inputs, "mixedInstancesPolicy.instancesDistribution");
    if (distribution === undefined) return 0;
    const onDemand = at(distribution, "onDemandPercentageAboveBaseCapacity");
    return 100 - (typeof onDemand === "number" ? onDemand : 100);
  };
  return share(after) > 0 && share(before) === 0;
}

interface Size {
  readonly min: number;
  readonly max: number;
}

function sizeOf(inputs: Plain): Size {
  const number = (path: string): number => Number(at(inputs, path) ?? 0) || 0;
  return { min: number("minSize"), max: number("maxSize") };
}

const machinesText = (size: Size): string => `${inWords(size)} ${inWords(size) === "1" ? "machine" : "machines"}`;
const inWords = ({ min, max }: Size): string => (min === max ? String(min) : `${min} to ${max}`);

function rolling({ min, max }: Size): MachineEffect["minutes"] {
  const rounds = (size: number): number => (size === 0 ? 0 : Math.ceil(size / Math.max(1, Math.floor(size * AT_ONCE))));
  return { least: rounds(min) * REPLACEMENT.least, most: rounds(max) * REPLACEMENT.most + (max === 0 ? 0 : PATIENCE) };
}
