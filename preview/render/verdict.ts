import type { ChangeDocument, DataAtRisk } from "../change-set/document.ts";
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
  const { result, data, counts, renames, command, diagnostics, policies } = document;
  const failed = policies.results.filter(({ state }) => state === "failed");
  const forbidding = failed.filter(({ level }) => level === "mandatory");
  const of = (...fates: DataAtRisk["fate"][]): DataAtRisk[] => data.filter(({ fate }) => fates.includes(fate));
  const parts: Parts = [];
  const add = (words: string, name?: string, behind?: string): void => {
    parts.push({ words: `${parts.length > 0 ? " · " : ""}${words}` });
    if (name !== undefined) parts.push({ name });
    if (behind !== undefined) parts.push({ words: behind });
  };
  const [refused, lost, orphaned, late, shortened, loosened] = [
    of("refused"),
    of("lost"),
    of("orphaned"),
    of("refused-by-aws"),
    of("shortened"),
    of("loosened"),
  ];
  const stopped = result === "failed" && refused.length === 0;
  const guard = diagnostics.some(({ severity, on }) => severity === "error" && on === "cloister-onDestroy");
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
  if (orphaned.length === 1)
    add(`leaves the ${orphaned[0]?.kind} in the account, out of the stack: `, orphaned[0]?.name);
  else if (orphaned.length > 1) add(`leaves ${kinds(orphaned)} in the account, out of the stack`);
  if (late.length > 0) add(`the deploy may fail: AWS refuses to change ${kinds(late)}`);
  const lacking = document.rights?.missing.length ?? 0;
  if (lacking > 0) add(`the deploy fails: ${plural(lacking, "right is missing", "rights are missing")}`);
  if (shortened.length > 0) add(`keeps less: ${kinds(shortened)}`);
  if (loosened.length > 0)
    add(
      `${plural(new Set(loosened.map(({ urn }) => urn)).size, "resource loses its", "resources lose their")} protection`,
    );
  if (renames.length > 0) add(`looks like ${renames.length === 1 ? "a rename" : plural(renames.length, "rename")}`);
  const warnings = failed.length - forbidding.length;
  const changes = counts.replaced + counts.deleted + counts.updated + counts.created;
  if (command === "destroy" && result === "succeeded") add("destroys the stack");
  else if (result === "succeeded") {
    const said = machinesIn(document);
    if (said !== "") add(said);
    else if (changes > 0 && parts.length === 0) add(countsIn(document));
    else if (parts.length === 0) add("no change");
    const quiet = [lost, orphaned, shortened, late].every((one) => one.length === 0);
    if (changes > 0 && quiet && loosened.length === 0) add("no data at risk");
    if (warnings > 0) add(plural(warnings, "policy warns", "policies warn"));
  }
  if (document.drift && document.drift.found.length > 0) add(`drift: ${driftCounts(document.drift)}`);
  return {
    sign: signOf(document, lost.length > 0, refused.length > 0 || late.length > 0 || lacking > 0 || guard, parts),
    parts,
  };
}

function signOf({ result, data, counts }: ChangeDocument, isLost: boolean, isRefused: boolean, parts: Parts): string {
  if (isLost) return "🚨";
  if (isRefused) return "⛔";
  if (result !== "succeeded") return "❌";
  if (data.some(({ fate }) => fate !== "reattached")) return "⚠️";
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

function machinesIn({ machines }: ChangeDocument): string {
  const words: readonly (readonly [effect: string, machine: string, pool: string])[] = [
    ["replaced", "replaced", "replaced"],
    ["restarts", "restarted", ""],
    ["rolls", "", "rolling"],
    ["deleted", "deleted", "deleted"],
    ["created", "created", "created"],
    ["resized", "", "resized"],
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

function countsIn({ counts }: ChangeDocument): string {
  return (["replaced", "deleted", "updated", "created"] as const)
    .filter((key) => counts[key] > 0)
    .map((key) => `${counts[key]} ${key}`)
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
