import type { ChangeDocument, DataAtRisk } from "../change-set/document.ts";
import { rangeText } from "../cost/compare.ts";
import { driftCounts } from "./drift.ts";
import { plural } from "./tree.ts";

/** The first line, for people who read nothing else. It has parts, so that names are distinguished from words. */
export interface Verdict {
  readonly sign: string;
  readonly parts: readonly ({ readonly words: string } | { readonly name: string })[];
}

type Parts = ({ words: string } | { name: string })[];

/** The result of a preview, with the worst part first. */
export function verdictOf(document: ChangeDocument): Verdict {
  if (document.command === "drift") return driftVerdict(document);
  const { result, data, counts, renames, command, diagnostics, policies, cost } = document;
  const failed = policies.results.filter(({ state }) => state === "failed");
  const forbidding = failed.filter(({ level }) => level === "mandatory");
  const of = (...fates: DataAtRisk["fate"][]): DataAtRisk[] => data.filter(({ fate }) => fates.includes(fate));
  const parts: Parts = [];
  const add = (words: string, name?: string, behind?: string): void => {
    parts.push({ words: `${parts.length > 0 ? " · " : ""}${words}` });
    if (name !== undefined) parts.push({ name });
    if (behind !== undefined) parts.push({ words: behind });
  };
  const [refused, lost, perhaps, orphaned, gone, locked, late, here, detached, shortened, loosened] = [
    of("refused"),
    of("lost"),
    of("unknown"),
    of("orphaned"),
    of("gone"),
    of("locked"),
    of("refused-by-aws"),
    of("refused-in-deploy"),
    of("detached"),
    of("shortened"),
    of("loosened"),
  ];
  const stopped = result === "failed" && refused.length === 0;
  const guard = diagnostics.some(({ severity, on }) => severity === "error" && on === "cloister-onDestroy");
  if (command === "destroy") add(result === "succeeded" ? "destroys the stack" : "would destroy the stack");
  if (refused.length > 0 || (stopped && guard)) {
    if (refused.length === 0) add("refused: the stack's data is protected");
    else if (refused.length === 1) add("refused: ", refused[0]?.name, " is protected");
    else add(`refused: ${kinds(refused)} are protected`);
    if (result === "failed") add("the preview failed");
  } else if (stopped && forbidding.length === 0) add("the preview failed");
  else if (result !== "succeeded" && !stopped)
    add(result === "canceled" ? "the preview was stopped" : "the preview is not complete");
  if (forbidding.length === 1) add("a policy forbids it: ", forbidding[0]?.policy);
  else if (forbidding.length > 1) add(`${forbidding.length} policies forbid it`);
  if (lost.length === 1) add(`deletes the ${lost[0]?.kind} `, lost[0]?.name);
  else if (lost.length > 1) add(`deletes ${kinds(lost)}`);
  if (perhaps.length === 1) add("deletes what may hold data: ", perhaps[0]?.name);
  else if (perhaps.length > 1) add(`deletes ${plural(perhaps.length, "resource")} that may hold data`);
  if (orphaned.length === 1)
    add(`leaves the ${orphaned[0]?.kind} in the account, out of the stack: `, orphaned[0]?.name);
  else if (orphaned.length > 1) add(`leaves ${kinds(orphaned)} in the account, out of the stack`);
  if (gone.length > 0)
    add(
      `gives ${plural(gone.length, "machine")} an empty disk: ${gone.length === 1 ? "its own is" : "their own are"} gone already`,
    );
  if (locked.length > 0) add(`locks ${kinds(locked)} for everybody`);
  if (detached.length > 0) add(`leaves ${kinds(detached)} without a machine`);
  const surely = late.some(({ kind }) => kind === "disk");
  if (late.length > 0)
    add(`the deploy ${surely ? "fails" : "may fail"} on its way: AWS refuses to change ${kinds(late)}`);
  if (here.length > 0) add(`the deploy fails on its way: it makes no ${here[0]?.kind} smaller`);
  const lacking = document.rights?.missing.length ?? 0;
  if (lacking > 0) add(`the deploy fails: ${plural(lacking, "right is missing", "rights are missing")}`);
  if (shortened.length > 0) add(`keeps for a shorter time: ${kinds(shortened)}`);
  if (loosened.length > 0)
    add(
      `${plural(new Set(loosened.map(({ urn }) => urn)).size, "resource loses its", "resources lose their")} protection`,
    );
  const providers = document.changes.filter(isOtherVersion).map(({ name }) => name);
  const place = movesTo(document);
  if (place !== undefined) add(place);
  const shown = parts.length;
  const tightened = document.changes.filter(
    ({ op, protect, retain }) =>
      op === "keep" && ((!protect.before && protect.after) || (!retain.before && retain.after)),
  ).length;
  const weaker = new Set(document.exposures.map(({ kind }) => kind));
  if (weaker.has("network")) add("opens the network");
  if (weaker.has("rights")) add("gives more rights");
  if (weaker.has("guard")) add("takes a guard away");
  if (weaker.has("clear")) add("writes a secret in clear");
  if (weaker.has("told")) add("warns others than before");
  if (closes(document)) add("takes the way to the internet away");
  if (providers.length > 0) add("another version of the provider ", providers.join(", "));
  if (renames.length > 0) add(`looks like ${renames.length === 1 ? "a rename" : plural(renames.length, "rename")}`);
  const warnings = failed.length - forbidding.length;
  const changes = counts.replaced + counts.deleted + counts.updated + counts.created;
  if (result === "succeeded") {
    if (!document.complete) add("not to be approved");
    if (tightened > 0 && loosened.length === 0) add(`${plural(tightened, "resource")} protected from now on`);
    const grown = grownDisks(document).length;
    const said = [command === "destroy" ? "" : machinesIn(document), grown > 0 ? `${plural(grown, "disk")} grown` : ""]
      .filter(Boolean)
      .join(", ");
    if (said !== "") add(said);
    else if (changes > 0 && shown === 0) add(countsIn(document));
    else if (changes === 0 && shown === 0 && tightened === 0) add("no change");
    const quiet = [lost, perhaps, orphaned, gone, locked, detached, shortened, late, here].every(
      (one) => one.length === 0,
    );
    if (changes > 0 && quiet && loosened.length === 0)
      add(endsPoolDisks(document) ? `no data at risk but on disks of ${poolsIn(document)}` : "no data at risk");
    const more = cost?.delta.most ?? 0;
    // A tenth of a machine more is no news; what somebody has to be asked about is.
    if (more >= 100 && more >= 0.2 * (cost?.before.most ?? 0))
      add(`up to ${rangeText({ least: more, most: more }, true)} USD a month`);
    const critical = failed.filter(({ level, severity }) => level !== "mandatory" && severity === "critical");
    if (critical.length === 1) add("a policy warns of something critical: ", critical[0]?.policy);
    else if (critical.length > 1) add(`${critical.length} policies warn of something critical`);
    const others = warnings - critical.length;
    if (others > 0) add(plural(others, "policy warns", "policies warn"));
  }
  if (document.drift && document.drift.found.length > 0) add(`drift: ${driftCounts(document.drift)}`);
  return {
    sign: signOf(
      document,
      lost.length + perhaps.length > 0,
      refused.length > 0 || late.length > 0 || here.length > 0 || lacking > 0 || guard,
      parts,
    ),
    parts,
  };
}

function signOf(
  { result, data, counts, exposures, complete, policies }: ChangeDocument,
  isLost: boolean,
  isRefused: boolean,
  parts: Parts,
): string {
  if (isLost) return "🚨";
  if (isRefused) return "⛔";
  if (result !== "succeeded") return "❌";
  const isCritical = policies.results.some(({ state, severity }) => state === "failed" && severity === "critical");
  if (isCritical || data.some(({ fate }) => fate !== "reattached") || exposures.length > 0 || !complete) return "⚠️";
  const changes = counts.replaced + counts.deleted + counts.updated + counts.created;
  return changes === 0 && parts.length === 1 ? "✅" : "🔧";
}

/** The result of a look for drift. */
function driftVerdict({ drift, result, data }: ChangeDocument): Verdict {
  if (result !== "succeeded" || drift === null)
    return { sign: "❌", parts: [{ words: "drift is not known: the look failed" }] };
  const lost = data.filter(({ fate }) => fate === "lost");
  const parts: Parts = [];
  const add = (words: string, name?: string): void => {
    parts.push({ words: `${parts.length > 0 ? " · " : ""}${words}` });
    if (name !== undefined) parts.push({ name });
  };
  if (lost.length === 1) add(`the ${lost[0]?.kind} is gone: `, lost[0]?.name);
  else if (lost.length > 1) add(`${kinds(lost)} are gone`);
  const loose = new Set(data.filter(({ fate }) => fate === "loosened").map(({ urn }) => urn)).size;
  if (loose > 0) add(`${plural(loose, "resource has", "resources have")} lost protection`);
  const others = data.filter(({ fate }) => fate !== "lost" && fate !== "loosened");
  if (others.length > 0) add(`data at risk: ${kinds(others)}`);
  if (drift.found.length > 0) add(`drift: ${driftCounts(drift)}`);
  if (parts.length === 0) return { sign: "✅", parts: [{ words: "no drift" }] };
  return { sign: lost.length > 0 ? "🚨" : "⚠️", parts };
}

const isOtherVersion = ({ type, op, properties }: ChangeDocument["changes"][0]): boolean =>
  type.startsWith("pulumi:providers:") && op === "update" && properties.some(({ path }) => path === "version");

/** Pools whose machines end. */
const endingPools = ({ machines }: Pick<ChangeDocument, "machines">): ChangeDocument["machines"] =>
  machines.filter(
    ({ kind, effect }) =>
      kind === "pool" && ["rolls", "deleted", "replaced", "shrinks", "shrinks by schedule"].includes(effect),
  );

/** Tells whether machines of a pool end: their session disks go with them, which nothing keeps. */
export const endsPoolDisks = (document: Pick<ChangeDocument, "machines">): boolean => endingPools(document).length > 0;
const poolsIn = (document: ChangeDocument): string => (endingPools(document).length > 1 ? "pools" : "the pool");

/** Another place for the whole stack, in words. The configuration alone does not move it: something must go for that. */
function movesTo({ config, counts, changes }: ChangeDocument): string | undefined {
  const wayOf = (key: string): readonly [string, string] | undefined => {
    const found = config.find((one) => one.key === key);
    const [before, after] = [found?.before, found?.after].map((one) => (one && "value" in one ? one.value : undefined));
    return before !== undefined && after !== undefined ? [before, after] : undefined;
  };
  const target = wayOf("cloister:target");
  if (target && counts.deleted > 0) return `moves the stack from ${target[0]} to ${target[1]}`;
  const region = wayOf("cloister:region");
  const isMoved = changes.some(({ op, forcedBy }) => op === "replace" && forcedBy.includes("provider"));
  return region && isMoved ? `makes everything anew in ${region[1]}` : undefined;
}

/** Tells whether machines lose their way out: the gateway goes, and none comes. In another's network nobody knows here. */
function closes({ network, command, things }: ChangeDocument): boolean {
  const stays = (kind: string): boolean => things.some((one) => one.kind === kind && one.op !== "delete");
  if (!stays("network") || !(stays("machine") || stays("pool"))) return false;
  const of = (change: "added" | "removed"): boolean =>
    network.some((one) => one.change === change && (one.what === "NAT gateway" || one.what === "internet gateway"));
  return command === "preview" && of("removed") && !of("added");
}

/** Disks that are larger after the change. */
export const grownDisks = ({ things, result }: Pick<ChangeDocument, "things" | "result">): ChangeDocument["things"] =>
  things.filter(
    ({ kind, op, before, after }) =>
      result === "succeeded" &&
      kind === "disk" &&
      op === "update" &&
      Number.parseInt(after, 10) > Number.parseInt(before, 10),
  );

function machinesIn({ machines }: ChangeDocument): string {
  const words: readonly (readonly [effect: string, machine: string, pool: string])[] = [
    ["replaced", "replaced", "replaced"],
    ["restarts", "restarted", ""],
    ["rolls", "", "rolling"],
    ["deleted", "deleted", "deleted"],
    ["created", "created", "created"],
    ["resized", "", "resized"],
    ["shrinks", "", "made smaller"],
    ["rescheduled", "", "on another schedule"],
    ["shrinks by schedule", "", "made smaller by a schedule"],
  ];
  return words
    .flatMap(([effect, machine, pool]) => {
      const found = machines.filter((one) => one.effect === effect);
      const [named, pools] = [
        found.filter(({ kind }) => kind === "machine"),
        found.filter(({ kind }) => kind === "pool"),
      ];
      return [
        ...(named.length > 0 ? [`${plural(named.length, "machine")} ${machine}`] : []),
        ...(pools.length > 0 ? [`${plural(pools.length, "pool")} ${pool}`] : []),
      ];
    })
    .join(", ");
}

function countsIn({ counts, changes }: ChangeDocument): string {
  const imported = changes.filter((one) => one.imported && one.op === "create").length;
  const all = { ...counts, created: counts.created - imported, imported };
  return (["replaced", "deleted", "updated", "created", "imported"] as const)
    .filter((key) => all[key] > 0)
    .map((key) => `${all[key]} ${key}`)
    .join(", ");
}

/** `2 disks, 3 logs`. */
export function kinds(data: readonly Pick<DataAtRisk, "kind">[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of data) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (kind === "snapshots" ? "snapshots" : plural(count, kind))).join(", ");
}

/** The verdict as plain text. */
export function verdictText(document: ChangeDocument): string {
  const { sign, parts } = verdictOf(document);
  return `${sign} ${document.stack} · ${parts.map((part) => ("words" in part ? part.words : part.name)).join("")}`;
}
