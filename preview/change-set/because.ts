import type { Merged } from "../events/merge.ts";
import type { Plain } from "../events/values.ts";
import type { ConfigDifference } from "../parts/config.ts";
import { canonicalText } from "./canonical.ts";
import type { Difference, Differences } from "./differences.ts";
import type { Link } from "./document.ts";
import { componentOf, nameOf, shortType } from "./names.ts";
import type { State } from "./state.ts";

/**
 * Keys of the configuration on which a property depends although its value is not the key's value. `NAME` is the
 * machine or pool. The document names only keys that the change really changes.
 */
const RULES: readonly (readonly [type: RegExp, property: RegExp, keys: readonly string[]])[] = [
  [/LaunchTemplate$/, /^imageId/, ["ami"]],
  [/LaunchTemplate$/, /^instanceType/, ["machines.NAME.instanceType", "pools.NAME.instanceType", "instanceType"]],
  [
    /(?:LaunchTemplate|Instance)$/,
    /^userData/,
    [
      "hostname",
      "model",
      "tools",
      "mcpServers",
      "packages",
      "certificateAuthorities",
      "aptMirror",
      "logsRequired",
      "rootDiskGiB",
      "machines.NAME.sessionDiskGiB",
      "machines.NAME.instanceType",
      "machines.NAME.was",
      "pools.NAME.instanceType",
      "pools.NAME.drainSeconds",
      "pools.NAME.spot",
      "sessionDiskGiB",
      "sessionMemoryMiB",
      "instanceType",
      "modelKeySecret",
    ],
  ],
  [/LaunchTemplate$/, /^blockDeviceMappings/, ["rootDiskGiB", "sessionDiskGiB"]],
  [/(?:LaunchTemplate|Instance)$/, /^monitoring/, ["detailedMonitoring"]],
  [/(?:LaunchTemplate|Instance)$/, /^(?:disableApiTermination|forceDestroy)/, ["terminationProtection"]],
  [/LaunchTemplate$/, /^networkInterfaces/, ["machines.NAME.zone", "zones", "network"]],
  [/Volume$/, /^size/, ["machines.NAME.sessionDiskGiB", "sessionDiskGiB"]],
  [/Volume$/, /^availabilityZone/, ["machines.NAME.zone", "machines.NAME.was", "zones", "region"]],
  [/Group$/, /./, ["pools.NAME", "instanceType", "zones"]],
  [/LifecycleHook$/, /./, ["pools.NAME.drainSeconds"]],
  [/Schedule$/, /./, ["pools.NAME.schedules", "pools.NAME.max"]],
  [/LogGroup$/, /^retentionInDays/, ["logRetentionDays"]],
  [/LifecyclePolicy$/, /^policyDetails/, ["snapshots"]],
  [/s3\/bucket:Bucket$/, /^forceDestroy/, ["onDestroy"]],
  [/Role$/, /^permissionsBoundary/, ["permissionsBoundary"]],
  [/RolePolicy$/, /^policy/, ["modelKeySecret", "region"]],
  [/VpcEndpoint$/, /^policy/, ["network", "aptMirror"]],
  [
    /(?:Vpc|Subnet|Route|RouteTable|NatGateway|Eip|VpcEndpoint|FlowLog|SecurityGroup\w*|Resolver\w+)$/,
    /./,
    ["network", "zones"],
  ],
  [/Budget$/, /./, ["budget"]],
  [/Command$/, /./, ["accountId"]],
  [/./, /^provider$/, ["region", "accountId"]],
  [/./, /^tags?(?:\.|\[|$)|^tagSpecifications/, ["tags", "machines.NAME.was"]],
];

/** Keys that create or delete resources, by the component of the resource. */
const MADE_BY: readonly (readonly [urn: RegExp, keys: readonly string[]])[] = [
  [/cloister:aws:NamedMachine/, ["machines.NAME"]],
  [/cloister:aws:Pool/, ["pools.NAME"]],
  [/cloister:aws:Snapshots/, ["machines"]],
  [/cloister:aws:Budget/, ["budget"]],
  [/cloister:aws:Alerts/, ["alerts", "machines", "pools"]],
  [/flow-logs/, ["network.flowLogs"]],
  [/cloister:aws:Network/, ["network", "zones", "region"]],
  [/secretsmanager/, ["modelKeySecret"]],
];

const LONGEST = 5;

/** Chains from a changed resource to the keys of the configuration that are the cause. */
export class Causes {
  readonly #changed: ReadonlyMap<string, Merged>;
  readonly #differences: ReadonlyMap<string, Differences>;
  readonly #state: State;
  readonly #config: readonly ConfigDifference[];
  readonly #byId = new Map<string, string>();
  /** A provider that gives other tags than before. */
  readonly #tagging: Merged | undefined;
  readonly #done = new Map<string, Link[][]>();

  constructor(
    changed: readonly Merged[],
    differences: ReadonlyMap<string, Differences>,
    state: State,
    config: readonly ConfigDifference[],
  ) {
    this.#changed = new Map(changed.map((one) => [one.urn, one]));
    this.#differences = differences;
    this.#state = state;
    this.#config = config;
    this.#tagging = changed.find(
      ({ type, urn }) =>
        type.startsWith("pulumi:providers:") &&
        (differences.get(urn)?.list ?? []).some(({ path }) => path.startsWith("defaultTags")),
    );
    // The state lists dependencies by the resources' old URNs. Nothing in the state depends on a new resource.
    for (const { urn, old } of changed) if (old) this.#byId.set(old.urn, urn);
  }

  /** The chains of one resource. There are none when no key is the cause: the program or the provider has changed. */
  of(resource: Merged): Link[][] {
    return this.#of(resource, new Set());
  }

  #of(resource: Merged, above: ReadonlySet<string>): Link[][] {
    const have = this.#done.get(resource.urn);
    if (have) return have;
    const list = this.#differences.get(resource.urn)?.list ?? [];
    const forcing = list.filter(({ forces }) => forces);
    // If a replacement is forced, only the differences that force it are reasons.
    const reasons = forcing.length > 0 ? forcing : list;
    const chains: Link[][] = [];
    if (resource.op === "create" || resource.op === "delete") {
      for (const key of this.#made(resource)) chains.push([{ config: key }]);
    } else if (list.length === 0) {
      for (const { path } of this.#config) if (path === "onDestroy") chains.push([{ config: "cloister:onDestroy" }]);
    }
    for (const difference of reasons) {
      const keys = this.#keysOf(resource, difference);
      if (keys.length > 0) for (const config of keys) chains.push([{ path: difference.path }, { config }]);
      else chains.push(...this.#upstream(resource, difference, above));
    }
    const found = unique(chains).slice(0, 6);
    // A chain below another resource may be cut where it comes back to its start. It is not complete, so we do not keep
    // it.
    if (above.size === 0) this.#done.set(resource.urn, found);
    return found;
  }

  #upstream(resource: Merged, { path }: Difference, above: ReadonlySet<string>): Link[][] {
    if (above.size >= LONGEST) return [];
    const top = /^[A-Za-z0-9_]+/.exec(path)?.[0] ?? path;
    // All tags are the resource's own and those that its provider gives to each.
    if (top === "tagsAll" && this.#tagging)
      return [[{ path, urn: this.#tagging.urn, name: `Provider ${nameOf(this.#tagging.urn)}` }]];
    const known = this.#state.resources.get(resource.old?.urn ?? resource.urn);
    const upstream = known?.propertyDependencies[top] ?? [];
    return upstream.flatMap((urn) => {
      const cause = this.#changed.get(this.#byId.get(urn) ?? urn);
      if (!cause || cause.op === "same" || above.has(cause.urn) || cause.urn === resource.urn) return [];
      const link = { path, urn: cause.urn, name: `${shortType(cause.type)} ${nameOf(cause.urn)}` };
      const further = this.#of(cause, new Set([...above, resource.urn]));
      return further.length > 0 ? further.map((chain) => [link, ...chain]) : [[link]];
    });
  }

  #made(resource: Merged): string[] {
    // Whatever it was for: a stack that goes elsewhere takes all of it along.
    if (this.#config.some(({ path }) => path === "target")) return this.#named(["target"], resource);
    const rule = MADE_BY.find(([pattern]) => pattern.test(resource.urn));
    const keys = rule ? this.#named(rule[1], resource) : [];
    return keys.length > 0 ? keys : this.#named(["target"], resource);
  }

  /** Keys whose values change in exactly this way. If there are none: the keys of the rules. */
  #keysOf(resource: Merged, { path, before, after }: Difference): string[] {
    const isSaid = (value: Plain | undefined): boolean => value !== undefined && canonicalText(value).length > 4;
    const same = this.#config.filter(
      (one) =>
        isSaid(after) &&
        isSaid(before) &&
        canonicalText(one.before) === canonicalText(before) &&
        canonicalText(one.after) === canonicalText(after),
    );
    if (same.length > 0) return same.map(({ path: key }) => keyOf(key));
    const keys = RULES.filter(([type, property]) => type.test(resource.type) && property.test(path)).flatMap(
      ([, , k]) => k,
    );
    return this.#named(keys, resource);
  }

  /** The keys among these that the change really changes. */
  #named(keys: readonly string[], resource: Merged): string[] {
    const name = componentOf(resource).split(" ")[1] ?? nameOf(resource.urn);
    const found = keys.flatMap((pattern) => {
      const key = pattern.replace("NAME", name);
      return this.#config.filter(({ path }) => isWithin(path, key) || isWithin(key, path)).map(({ path }) => path);
    });
    return [...new Set(found)].map(keyOf);
  }
}

/** Adds our namespace to a key. Keys of other namespaces already have theirs. */
const keyOf = (path: string): string => (path.includes(":") ? path : `cloister:${path}`);

const isWithin = (path: string, whole: string): boolean =>
  path === whole || path.startsWith(`${whole}.`) || path.startsWith(`${whole}[`);

function unique(chains: readonly Link[][]): Link[][] {
  const seen = new Map(chains.map((chain) => [canonicalText(chain), chain]));
  return [...seen.values()].sort((a, b) => a.length - b.length || (canonicalText(a) < canonicalText(b) ? -1 : 1));
}
