import { at, type Difference } from "../change-set/differences.ts";
import type { Looked } from "../events/refresh.ts";
import { type Plain, plain } from "../events/values.ts";

/** Facts of the stack that decide whether a size is somebody's change. */
export interface Sizes {
  /** Sizes that the schedules of a group set, by the group's name. */
  readonly scheduled: ReadonlyMap<
    string,
    readonly { readonly min: Plain | undefined; readonly max: Plain | undefined }[]
  >;
}

interface Varying {
  readonly type: RegExp;
  readonly path: RegExp;
  /** Why this is nobody's change, in words of ours. */
  readonly reason: string;
  /** @default always */
  readonly when?: (looked: Looked, difference: Difference, sizes: Sizes) => boolean;
}

const GROUP = /^aws:autoscaling\/group:Group$/;

/** The one table of what differs by itself. All else that differs is drift. */
export const VARIES: readonly Varying[] = [
  {
    type: GROUP,
    path: /^desiredCapacity$/,
    reason: "schedules, scaling and machines that ask for themselves move it between the least and the most",
    when: ({ new: seen }, { after }) => {
      const sizes = [seen?.outputs["minSize"], after, seen?.outputs["maxSize"]].map((one) => plain(one));
      const [least = Number.NaN, now = Number.NaN, most = Number.NaN] = sizes.map((one) =>
        typeof one === "number" ? one : Number.NaN,
      );
      return least <= now && now <= most;
    },
  },
  {
    type: GROUP,
    path: /^(?:minSize|maxSize)$/,
    reason: "schedules of the group set it",
    // The group has what the last one set that fired, also one that the stack has no more. Above all of them is nobody's.
    when: ({ old }, { path, after, before }, { scheduled }) => {
      const all = scheduled.get(String(old.outputs["name"] ?? old.id)) ?? [];
      const set = all.map(({ min, max }) => Number(path === "minSize" ? min : max));
      return set.length > 0 && Number(after) <= Math.max(Number(before), ...set);
    },
  },
  { type: GROUP, path: /^instanceRefresh\b/, reason: "it says how the group rolls; AWS keeps it with each refresh" },
  { type: GROUP, path: /^(?:warmPoolSize|predictedCapacity)$/, reason: "scaling moves it" },
  {
    type: /^aws:autoscaling\/schedule:Schedule$/,
    path: /^(?:startTime|endTime)$/,
    reason: "AWS writes the schedule's next time there",
  },
  {
    type: /^aws:ec2\/launchTemplate:LaunchTemplate$/,
    path: /^(?:latestVersion|defaultVersion)$/,
    reason: "a number; the newest version's content is compared",
  },
  {
    type: /^aws:ec2\/instance:Instance$/,
    path: /^instanceState$/,
    reason: "it is on its way to another state",
    when: (_, { after }) => after === "pending" || after === "stopping",
  },
  { type: /./, path: /^tags(?:\.|\[")aws:/, reason: "AWS's own tag" },
  {
    type: /./,
    path: /^tags$/,
    reason: "AWS's own tags",
    when: (_, { before, after }) => sameWithoutAws(before, after),
  },
  { type: /./, path: /^tagsAll\b/, reason: "the same as the tags" },
];

/** The reason why a difference is no drift; undefined when it is drift. */
export function reasonOf(looked: Looked, difference: Difference, sizes: Sizes): string | undefined {
  return VARIES.find(
    ({ type, path, when }) =>
      type.test(looked.type) && path.test(difference.path) && (when?.(looked, difference, sizes) ?? true),
  )?.reason;
}

/** The sizes that schedules set, from the state. */
export function sizesOf(resources: readonly Looked[]): Sizes {
  const scheduled = new Map<string, { min: Plain | undefined; max: Plain | undefined }[]>();
  for (const { type, old } of resources) {
    if (type !== "aws:autoscaling/schedule:Schedule") continue;
    const inputs = plain(old.inputs);
    const group = String(at(inputs, "autoscalingGroupName") ?? "");
    const sizes = { min: at(inputs, "minSize"), max: at(inputs, "maxSize") };
    scheduled.set(group, [...(scheduled.get(group) ?? []), sizes]);
  }
  return { scheduled };
}

/** Tags of a group are a list of keys and values. */
function sameWithoutAws(before: Plain | undefined, after: Plain | undefined): boolean {
  const own = (value: Plain | undefined): string | undefined => {
    if (!Array.isArray(value)) return undefined;
    const list = value.filter((one) => !String(at(one, "key") ?? "").startsWith("aws:"));
    return JSON.stringify(list.map((one) => JSON.stringify(one)).sort());
  };
  return own(before) !== undefined && own(before) === own(after);
}
