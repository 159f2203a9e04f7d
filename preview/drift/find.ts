import { createHash } from "node:crypto";
import { canonicalText } from "../change-set/canonical.ts";
import { at, type Difference, type Differences, differencesOf } from "../change-set/differences.ts";
import type { Drift, Drifted } from "../change-set/document.ts";
import { componentOf, nameOf, shortType } from "../change-set/names.ts";
import { fingerprint, openly, shown } from "../change-set/show.ts";
import type { State } from "../change-set/state.ts";
import type { Fate } from "../data/fate.ts";
import { fatesOf } from "../data/fates.ts";
import { dataKind } from "../data/types.ts";
import type { Merged } from "../events/merge.ts";
import type { Looked, Refreshed } from "../events/refresh.ts";
import { type Plain, plain } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { reasonOf, sizesOf } from "./varies.ts";
import { foreignIn, isWatched, watchedInputs } from "./watched.ts";

/** The drift of a stack, and what comes of it. */
export interface Found {
  readonly section: Drift;
  /** What became of data. */
  readonly fates: readonly Fate[];
  /** Resources that are gone or changed, as the engine's steps would have them: old is the state, new the account. */
  readonly changed: readonly Merged[];
  /** The same drift has the same digest, whatever the order of events and the time. */
  readonly digest: string;
}

interface Circumstances {
  readonly state: State;
  readonly scrubber: Scrubber;
  /** Time of the look. */
  readonly at: string;
  /** True when the stack's data is to be protected: `onDestroy` is `refuse`. */
  readonly refuses: boolean;
}

/** Compares the state with the account. It is a pure function. */
export function findDrift(
  { resources, result }: Refreshed,
  { state, scrubber, at: time, refuses }: Circumstances,
): Found {
  const text = (value: string): string => scrubber.text(value);
  const things = resources.filter(({ type }) => !/^(?:cloister:|pulumi:)/.test(type));
  const sizes = sizesOf(things);
  const merged = things.map(mergedOf);
  const differences = new Map<string, Differences>();
  const [found, varies]: [Drifted[], Drift["varies"]] = [[], []];
  const rows: unknown[] = [];
  for (const [i, looked] of things.entries()) {
    const one = merged[i] as Merged;
    if (one.op === "delete") {
      found.push({ ...named(one), is: "gone", what: "", properties: [] });
      rows.push([one.urn, "gone"]);
      continue;
    }
    const drifted: Difference[] = [];
    for (const difference of differencesIn(looked, one)) {
      const reason = reasonOf(looked, difference, sizes);
      if (reason === undefined) drifted.push(difference);
      else varies.push({ on: text(`${shortType(one.type)} ${nameOf(one.urn)}`), path: text(difference.path), reason });
    }
    if (drifted.length === 0) continue;
    differences.set(one.urn, { list: drifted, onlyOrder: false });
    found.push({
      ...named(one),
      is: "changed",
      what: "",
      properties: drifted.map(({ path, before, after }) => ({
        path: text(path),
        before: value(one.type, path, before),
        after: value(one.type, path, after),
      })),
    });
    for (const { path, before, after } of drifted)
      rows.push([one.urn, path, fingerprint(before, state.key), fingerprint(after, state.key)]);
  }
  for (const { to, path, what } of foreignIn(things)) {
    const other = mergedOf(to);
    found.push({ ...named(other), is: "added", what: text(what), properties: [] });
    rows.push([to.urn, path, fingerprint(what, state.key)]);
  }
  const changed = merged.map((one) => (one.op === "update" && !differences.has(one.urn) ? same(one) : one));
  const fates = [
    ...changed.flatMap((one) => (one.op === "delete" ? goneData(one) : grown(one))),
    ...fatesOf(changed, state).filter(
      ({ resource }) => resource.op !== "delete" || dataKind(resource.type) === undefined,
    ),
    ...(refuses ? merged.flatMap(unprotected) : []),
  ];
  for (const { fate, resource } of fates) rows.push([resource.urn, fate]);
  const order = ["gone", "added", "changed"];
  found.sort((a, b) => order.indexOf(a.is) - order.indexOf(b.is) || (key(a) < key(b) ? -1 : 1));
  const isBlind = ({ type }: Looked): boolean => type.startsWith("command:");
  return {
    section: {
      at: time,
      result,
      looked: things.filter((one) => !isBlind(one)).length,
      blind: things.filter(isBlind).length,
      found,
      varies: varies.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)),
    },
    fates,
    changed: changed.filter(({ op }) => op !== "same"),
    digest: createHash("sha256")
      .update(canonicalText(rows.map((row) => canonicalText(row)).sort()))
      .digest("hex"),
  };

  function value(type: string, path: string, one: Plain | undefined): Drifted["properties"][0]["before"] {
    return isWatched(type, path) ? openly(one, scrubber) : shown(type, path, one, scrubber);
  }

  function named(one: Merged): Pick<Drifted, "urn" | "type" | "name" | "component" | "id"> {
    const { urn, type, old } = one;
    return {
      urn: text(urn),
      type: text(type),
      name: text(nameOf(urn)),
      component: text(componentOf(one)),
      id: text(old?.id ?? ""),
    };
  }
}

/** The parts of a drifted thing that distinguish it. */
const key = ({ urn, what }: Drifted): string => `${urn} ${what}`;

const same = (one: Merged): Merged => ({ ...one, op: "same" });

/** What was looked at as a step of the engine: an update from the state to the account. */
function mergedOf(looked: Looked): Merged {
  const { urn, type, old, new: seen, detailed } = looked;
  const before = { ...old, inputs: watchedInputs(looked, old) };
  if (!seen) return { urn, type, op: "delete", old: before, keys: [], diffs: [], isImported: false };
  const after = { ...seen, inputs: watchedInputs(looked, seen) };
  // The provider may name outputs too: only inputs are compared by its word.
  const given = Object.entries(detailed ?? {}).filter(
    ([path]) => topOf(path) in old.inputs || topOf(path) in seen.inputs,
  );
  return {
    urn,
    type,
    op: "update",
    old: before,
    new: after,
    keys: [],
    diffs: [],
    isImported: false,
    detailed: Object.fromEntries(given),
  };
}

const topOf = (path: string): string => /^[A-Za-z0-9_]+/.exec(path)?.[0] ?? path;

/**
 * The differences of a resource that the provider sees too. Of inputs it knows best what is only another notation; of
 * outputs it says nothing.
 */
function differencesIn(looked: Looked, merged: Merged): Difference[] {
  const { old, new: seen, detailed } = looked;
  const isInput = (path: string): boolean => topOf(path) in old.inputs || topOf(path) in (seen?.inputs ?? {});
  const tops = new Set(Object.keys(detailed ?? {}).map(topOf));
  return differencesOf(merged).list.filter(({ path, before, after }) => {
    if (isSameJson(before, after)) return false;
    // The program ignores the sizes of a group with schedules, and the engine says nothing of what is ignored.
    if (!isInput(path) || isWatched(looked.type, path)) return true;
    return detailed !== undefined && (tops.size === 0 || tops.has(topOf(path)));
  });
}

function isSameJson(one: Plain | undefined, other: Plain | undefined): boolean {
  if (typeof one !== "string" || typeof other !== "string") return false;
  try {
    return canonicalText(JSON.parse(one)) === canonicalText(JSON.parse(other));
  } catch {
    return false;
  }
}

/** Data that somebody deleted. */
function goneData(resource: Merged): Fate[] {
  const kind = dataKind(resource.type);
  if (kind === undefined) return [];
  const why =
    kind === "key"
      ? "It was scheduled for deletion outside of the stack, or is gone. Call it back at once: aws kms cancel-key-deletion."
      : kind === "secret"
        ? "It was deleted outside of the stack. It may still be restored: aws secretsmanager restore-secret."
        : `It was deleted outside of the stack. The next deploy that knows would make a new, empty ${kind}.`;
  return [{ fate: "lost", kind, resource, why, also: [] }];
}

/** A disk that somebody made larger: EC2 cannot make it smaller again. */
function grown(resource: Merged): Fate[] {
  if (shortType(resource.type) !== "Volume" || resource.op !== "update") return [];
  const [before, after] = [resource.old, resource.new].map((one) => at(plain(one?.inputs ?? {}), "size"));
  if (typeof before !== "number" || typeof after !== "number" || after <= before) return [];
  const why = `It was grown from ${before} GiB to ${after} GiB outside of the stack, and EC2 makes no disk smaller. Write ${after} into the configuration.`;
  return [{ fate: "refused-by-aws", kind: "disk", resource, why, also: [] }];
}

/** Data whose protection is gone from the state, although the stack's data is to be protected. */
function unprotected(resource: Merged): Fate[] {
  const { old, op } = resource;
  // Under `refuse` all that holds data is protected, and kept as well.
  if (op === "delete" || !old || old.protect || !old.retainOnDelete || dataKind(resource.type) === undefined) return [];
  const why =
    "The state has it without protection, and onDestroy is refuse: somebody has run `pulumi state unprotect`, or the configuration is not deployed yet.";
  return [{ fate: "loosened", kind: dataKind(resource.type) ?? "resource", resource, why, also: [] }];
}
