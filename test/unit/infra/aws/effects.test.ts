/* biome-ignore-all lint/suspicious/noExplicitAny: inputs of any resource */
import assert from "node:assert/strict";
import type { Effect } from "../../../../infra/settings/documented.ts";
import { differences } from "../../../../rehearsal/plugin/difference.ts";
import { TYPES } from "../../../../rehearsal/plugin/types/index.ts";
import { flattened } from "../../../../tools/docs/config-reference.ts";
import type { Registered } from "./mocks.ts";
import type { Made } from "./options.ts";
import { type Config, type ELSEWHERE, existing, madeWith, ROWS } from "./settings-rows.ts";

/** Effects of a change on the named machine `one` and on the pool `workers`. */
type Effects = { readonly machines: Effect; readonly pools: Effect };

/** Properties in which a resource has the id of one of another type. */
const REFERENCES: Readonly<Record<string, RegExp>> = {
  Vpc: /vpcId$/,
  Subnet: /subnetId$/,
  SecurityGroup: /[sS]ecurityGroup(Id|s)$/,
};

const tail = ({ type }: Registered): string => type.split(":").at(-1) ?? "";
const same = (a: Registered) => (b: Registered) => a.type === b.type && a.name === b.name;

/**
 * Judges a change by the inputs that the program registers and by the properties whose change replaces a resource in the
 * provider's source, which the stand-in plugin lists. That a new version of a template is a new instance, or a refresh of
 * a group, is shown by `test/engine/aws/life-cycle.test.ts`.
 */
function effectsOf(before: Made, after: Made): Effects {
  const replaced = new Set<Registered>();
  const changes = (old: Registered): string[] => {
    const now = after.all.find(same(old));
    if (now === undefined) return [];
    const own = differences(old.inputs as any, old.inputs as any, now.inputs as any).map(({ path }) => path);
    // The id of a replaced resource is another one, which mocks do not show.
    return [
      ...own,
      ...pathsOf(old.inputs)
        .filter(([path, value]) => [...replaced].some((one) => refers(one, path, value)))
        .map(([path]) => path),
    ];
  };
  const refers = (to: Registered, path: string, value: unknown): boolean =>
    value === `${to.name}-id` && (REFERENCES[tail(to)]?.test(path.replace(/\.\d+/g, "")) ?? false);
  const replaces = (old: Registered): boolean => {
    const on = TYPES[old.type]?.replaceOn ?? [];
    return changes(old).some((path) => on.some((one) => path === one || path.startsWith(`${one}.`)));
  };
  for (let found = -1; found !== replaced.size; ) {
    found = replaced.size;
    for (const one of before.all) if (replaces(one)) replaced.add(one);
  }
  const the = (type: string, name: string): Registered => {
    const found = before.all.find((one) => tail(one) === type && one.name === name);
    assert.ok(found, `${type} ${name}`);
    return found;
  };
  const there = (one: Registered): boolean => after.all.some(same(one));
  const anew = (name: string): boolean => changes(the("LaunchTemplate", name)).length > 0;
  const [disk, instance, group] = [the("Volume", "one-session"), the("Instance", "one"), the("Group", "workers")];
  const refreshed = changes(group).some((path) => /^(launchTemplate|mixedInstancesPolicy)\b/.test(path));
  return {
    machines:
      !there(disk) || replaced.has(disk)
        ? "new disk"
        : replaced.has(instance) || anew("one")
          ? "new machine"
          : "in place",
    pools: !there(group) || replaced.has(group) || refreshed || anew("workers") ? "new machine" : "in place",
  };
}

/** All plain values of inputs, by path. */
function pathsOf(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, path === "" ? key : `${path}.${key}`));
}

/** What the reference says of a key or part, such as `pools.drainSeconds`. */
function documentedFor(path: string): Effects {
  const found = flattened().find((entry) => entry.path.replaceAll(".NAME", "") === path);
  assert.ok(found, path);
  const { aws = "in place" } = found.change;
  // A disk of a pool's machine is always as new as the machine.
  if (typeof aws === "string") return { machines: aws, pools: aws === "new disk" ? "new machine" : aws };
  return { machines: "in place", pools: "in place", ...aws };
}

describe("what a change of configuration does, on AWS", function () {
  this.timeout(20_000);
  const effects = async (before: Config, after: Config): Promise<Effects> =>
    effectsOf(await madeWith(before), await madeWith(after));
  let plain: Made;
  before(async () => {
    plain = await madeWith({});
  });

  for (const [path, { change }] of Object.entries(ROWS)) {
    // An alias is the engine's to follow: test/engine/preview sees that the disk stays.
    if (path === "machines.was") continue;
    it(`${path}: as the reference says`, async () => {
      assert.deepEqual(effectsOf(plain, await madeWith(change)), documentedFor(path));
    });
  }

  for (const [part, changed] of [
    ["vpcId", { ...existing, vpcId: "vpc-2" }],
    ["cidr", { ...existing, cidr: "10.1.0.0/16" }],
    ["subnetIds", { ...existing, subnetIds: { ...existing.subnetIds, "eu-central-1a": "c" } }],
  ] as const) {
    it(`network.existing.${part}: as the reference says`, async () => {
      const found = await effects({ network: { existing } }, { network: { existing: changed } });
      assert.deepEqual(found, documentedFor(`network.existing.${part}`));
    });
  }

  const NOTES: Readonly<Record<string, readonly [before: Config, after: Config, effects: Effects]>> = {
    "a session disk below 10 GiB is part of what a named machine checks": [
      { sessionDiskGiB: 10 },
      { sessionDiskGiB: 8 },
      { machines: "new machine", pools: "new machine" },
    ],
    "so is that of one machine": [
      { machines: { one: { zone: "eu-central-1a", sessionDiskGiB: 8 } } },
      { machines: { one: { zone: "eu-central-1a", sessionDiskGiB: 9 } } },
      { machines: "new machine", pools: "in place" },
    ],
    "a machine without a zone may get another one with the zones": [
      { machines: { one: {} } },
      { machines: { one: {} }, zones: ["eu-central-1a", "eu-central-1c"] },
      { machines: "new disk", pools: "in place" },
    ],
    "a zone that moves in the list keeps its subnet": [
      {},
      { zones: ["eu-central-1b", "eu-central-1a"] },
      { machines: "in place", pools: "in place" },
    ],
    "so does one beside which another is replaced": [
      {},
      { zones: ["eu-central-1c", "eu-central-1a"] },
      { machines: "in place", pools: "in place" },
    ],
    "a zone more moves nothing": [
      {},
      { zones: ["eu-central-1a", "eu-central-1b", "eu-central-1c"] },
      { machines: "in place", pools: "in place" },
    ],
    "a pool that grows beyond 500 keeps its first group": [
      { pools: { workers: { max: 500 } } },
      { pools: { workers: { max: 501 } } },
      { machines: "in place", pools: "in place" },
    ],
    "and one that shrinks below it keeps that as well": [
      { pools: { workers: { max: 1001 } } },
      { pools: { workers: { max: 500 } } },
      { machines: "in place", pools: "in place" },
    ],
    "a name that goes takes its machine and disk along": [
      {},
      { machines: { other: {} } },
      { machines: "new disk", pools: "in place" },
    ],
    "a name that comes leaves the others alone": [
      {},
      { machines: { one: { zone: "eu-central-1a" }, two: {} }, pools: { workers: { min: 1, max: 4 }, more: {} } },
      { machines: "in place", pools: "in place" },
    ],
  };
  for (const [what, [before, after, expected]] of Object.entries(NOTES)) {
    it(what, async () => assert.deepEqual(await effects(before, after), expected));
  }

  it("nothing, for keys that are not used there", async () => {
    const LOCAL: Readonly<Record<Exclude<(typeof ELSEWHERE)[number], "target">, unknown>> = {
      architecture: "arm64",
      cpus: 2,
      memoryMiB: 8192,
      baseImage: "debian-13-stand-in",
      accelerator: "tcg",
      boot: "direct-kernel",
      sshPort: 2222,
      hostAccess: ["localhost:8080"],
      stateDirectory: "/elsewhere",
      engine: "podman",
      containerBase: "packages",
      folders: { site: { path: "site", mode: "ro" } },
    };
    const inputs = ({ all }: Made) => new Map(all.map(({ type, name, inputs }) => [`${type} ${name}`, inputs]));
    assert.deepEqual(inputs(await madeWith(LOCAL)), inputs(plain));
    for (const key of Object.keys(LOCAL))
      assert.deepEqual(documentedFor(key), { machines: "in place", pools: "in place" });
  });
});
