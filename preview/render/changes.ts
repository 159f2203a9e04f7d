import type { PhrasingContent } from "mdast";
import type { Change, ChangeDocument, Link, Shown } from "../change-set/document.ts";
import { shortType } from "../change-set/names.ts";
import { type Block, block, code, details, names, paragraph, plural, say, strong, table, words } from "./tree.ts";

/**
 * The level of detail. 0 shows all. Each level shortens lists, and leaves out more: from 1 on properties, from 2 on
 * rows of updated and created resources, from 3 on reasons.
 */
export type Level = 0 | 1 | 2 | 3 | 4;

/**
 * The resources that are replaced, deleted, updated and created, in this order. Resources that stay are listed only
 * when their protection changes.
 */
export function changeBlocks(document: ChangeDocument, level: Level): Block[] {
  const of = (op: Change["op"]): Change[] => document.changes.filter((one) => one.op === op);
  const byDestroy = document.command === "destroy";
  const isDone = document.result === "succeeded";
  const groups = new Set(of("delete").flatMap(({ type, component }) => (GROUP.test(type) ? [component] : [])));
  // A hook is a part of its group, and goes with it whatever the program keeps.
  const goesAlong = ({ type, component }: Change): boolean => HOOK.test(type) && groups.has(component);
  const leaving = of("delete").filter((one) => one.retain.before && !one.protect.before && !goesAlong(one));
  return [
    ...replaced(of("replace"), level, isDone),
    ...coming(
      isDone ? "Deleted" : "Would be deleted",
      of("delete").filter((one) => !leaving.includes(one)),
      level,
      byDestroy,
    ),
    ...coming("Leaves the stack, and stays in the account", leaving, level, byDestroy),
    ...(level < 2 ? updated(of("update"), level) : []),
    ...(level < 2
      ? coming(
          "Created",
          of("create").filter(({ imported }) => !imported),
          level,
          false,
        )
      : []),
    ...(level < 2
      ? coming(
          "Imported: in the account already, now under the stack",
          of("create").filter(({ imported }) => imported),
          level,
          false,
        )
      : []),
    ...kept(of("keep"), level),
  ];
}

const GROUP = /^aws:autoscaling\/group:Group$/;
const HOOK = /^aws:autoscaling\/lifecycleHook:LifecycleHook$/;

function replaced(changes: readonly Change[], level: Level, isDone: boolean): Block[] {
  if (changes.length === 0) return [];
  const groups = grouped(changes, (one) => one.component || one.urn);
  const rows = grouped(groups, (group) => JSON.stringify([types(group), chainText(group)])).map((same) => {
    const first = same[0] as Change[];
    const why = level >= 3 ? [] : reasons(reasonOf(first), same.length > 1);
    const isPart = first[0]?.component !== "";
    if (!isPart) return [[words(`${types(first)} `), ...names(same.flat().map(({ name }) => name))], why];
    return [[...names(same.map((group) => group[0]?.component ?? "")), words(` (${types(first)})`)], why];
  });
  return [
    paragraph(
      strong(say(isDone ? "Replaced" : "Would be replaced")),
      say(level >= 3 ? "" : ": by what, and by which key of the configuration"),
    ),
    table(["what", "because"], shortened(rows, level)),
    ...(level === 0 ? [details(`Properties of what is replaced`, block(changes.map(propertyLines).join("\n")))] : []),
  ];
}

function coming(title: string, changes: readonly Change[], level: Level, byDestroy: boolean): Block[] {
  if (changes.length === 0) return [];
  const groups = grouped(changes, (one) => one.component || "");
  const rows = grouped(groups, (group) => JSON.stringify([group[0]?.component === "" ? group : types(group)])).flatMap(
    (same) => {
      const first = same[0] as Change[];
      if (first[0]?.component === "") {
        return grouped(first, ({ type, because }) => JSON.stringify([type, causeKeys(because)])).map((alike) => [
          [words(`${shortType(alike[0]?.type ?? "")} `), ...names(alike.map(({ name }) => name))],
          because(alike[0] as Change),
        ]);
      }
      return [
        [
          [...names(same.map((group) => group[0]?.component ?? "")), words(` (${types(first)})`)],
          because(first[0] as Change, same.length > 1),
        ],
      ];
    },
  );
  const shown = table(["what", "because"], shortened(rows, level));
  const head = paragraph(strong(say(`${title}: ${changes.length}`)));
  return /^(?:Created|Imported)/.test(title) ? [details(`${title}: ${changes.length}`, shown)] : [head, shown];

  function because(change: Change, isOneOfMany = false): PhrasingContent[] {
    if (level >= 3) return [];
    if (byDestroy) return [say("the whole stack goes")];
    return reasons(change, isOneOfMany);
  }
}

function updated(changes: readonly Change[], level: Level): Block[] {
  if (changes.length === 0) return [];
  const kinds = grouped(changes, ({ type }) => type).map((same) => plural(same.length, shortType(same[0]?.type ?? "")));
  if (level >= 1) return [paragraph(strong(say(`Updated: ${changes.length}`)), words(` (${kinds.join(", ")})`))];
  const alike = grouped(changes, ({ type, properties }) => JSON.stringify([type, properties]));
  const lines = alike.map((same) => {
    const [first] = same;
    if (!first) return "";
    return propertyLines({ ...first, name: some(same.map(({ name }) => name)) });
  });
  const rows = grouped(changes, ({ type, because }) => JSON.stringify([type, causeKeys(because)])).map((same) => [
    [words(`${shortType(same[0]?.type ?? "")} `), ...names(same.map(({ name }) => name))],
    reasons(same[0]),
  ]);
  return [
    details(
      `Updated: ${changes.length} (${kinds.join(", ")})`,
      table(["what", "because"], rows),
      block(lines.join("\n")),
    ),
  ];
}

/** Resources that the engine calls `same`, although their protection changes. */
function kept(changes: readonly Change[], level: Level): Block[] {
  if (changes.length === 0) return [];
  const groups = grouped(changes, ({ protect, retain }) => JSON.stringify([protect, retain]));
  const on = (value: boolean): string => (value ? "on" : "off");
  const rows = groups.map((same) => {
    const { protect, retain, because } = same[0] as Change;
    const what = [
      ...(protect.before !== protect.after ? [`protection ${on(protect.before)} → ${on(protect.after)}`] : []),
      ...(retain.before !== retain.after ? [`kept when deleted: ${on(retain.before)} → ${on(retain.after)}`] : []),
    ];
    return [
      [say(what.join(", "))],
      names(same.map(({ type, name }) => `${shortType(type)} ${name}`)),
      chain(because[0] ?? []),
    ];
  });
  return [
    details(
      `Protection of ${plural(changes.length, "resource")} that the engine calls unchanged`,
      table(["what", "of", "because"], shortened(rows, level)),
    ),
  ];
}

/** Shortens a list that is too long. */
function shortened(rows: PhrasingContent[][][], level: Level): PhrasingContent[][][] {
  const most = [200, 100, 60, 30, 10][level] ?? 10;
  if (rows.length <= most) return rows;
  const empty = (rows[0] ?? []).slice(1).map(() => [say("")]);
  return [...rows.slice(0, most), [[say(`and ${rows.length - most} rows more`)], ...empty]];
}

function grouped<T>(all: readonly T[], key: (one: T) => string): T[][];
function grouped(all: readonly Change[], key: (one: Change) => string): Change[][] {
  const groups = new Map<string, Change[]>();
  for (const one of all) {
    const name = key(one);
    const have = groups.get(name);
    if (have) have.push(one);
    else groups.set(name, [one]);
  }
  return [...groups.values()];
}

const types = (changes: readonly Change[]): string =>
  [...new Set(changes.map(({ type }) => shortType(type)))].join(", ");
const some = (all: readonly string[]): string =>
  all.length > 8 ? `${all.slice(0, 8).join(", ")} and ${all.length - 8} more` : all.join(", ");

/** Chooses the resource of a machine that explains most: its disk if it is there, else the machine itself. */
function reasonOf(group: readonly Change[]): Change | undefined {
  const of = (short: string): Change | undefined => group.find(({ type }) => shortType(type) === short);
  return of("Volume") ?? of("Instance") ?? group[0];
}

const causeKeys = (because: readonly Link[][]): string =>
  JSON.stringify(because.map((one) => one.at(-1)?.config ?? ""));
/** A chain without its names. The chains of similar machines differ only in their names. */
const chainText = (group: readonly Change[]): string =>
  JSON.stringify(
    (reasonOf(group)?.because[0] ?? []).map(({ path, config, name }) => [path, config, name?.split(" ")[0]]),
  );

/** The reason of a change, in the shortest chain. If other keys are equally near, they are listed too. */
function reasons(change: Change | undefined, isOneOfMany = false): PhrasingContent[] {
  const [first, ...others] = change?.because ?? [];
  if (first === undefined) {
    const refers = change?.properties.some(({ after }) => "unknown" in after);
    return [
      say(refers ? "it refers to what is new here" : "no key of the configuration: the program, or what it is given"),
    ];
  }
  const own = change?.component.split(" ")[1] ?? "";
  const isOwn = own !== "" && (first.at(-1)?.config ?? "").split(/[.[\]"]/).includes(own);
  const near = others.filter((one) => one.length === first.length).map((one) => one.at(-1)?.config ?? "");
  const keys = [...new Set(near)].filter((key) => key !== (first.at(-1)?.config ?? ""));
  const more = keys.slice(0, 4).flatMap((key) => [say(" or "), strong(code(key, 120))]);
  return [...chain(first), ...more, ...(isOneOfMany && isOwn ? [say(", and so on")] : [])];
}

function chain(links: readonly Link[]): PhrasingContent[] {
  return links.flatMap(({ path, name, config }, i) => [
    ...(i > 0 ? [say(" ← ")] : []),
    ...(path === undefined ? [] : [code(path, 80)]),
    ...(name === undefined ? [] : [say(path === undefined ? "" : " of "), code(name, 80)]),
    ...(config === undefined ? [] : [strong(code(config, 120))]),
  ]);
}

function propertyLines({ type, name, properties, op }: Change): string {
  const sign = op === "replace" ? "±" : "~";
  const lines = properties.map(({ path, before, after, forces }) => {
    const mark = forces ? " (forces the replacement)" : "";
    return `  ${sign} ${oneLine(path)}: ${valueText(before)} → ${valueText(after)}${mark}`;
  });
  return [`${shortType(type)} ${oneLine(name)}`, ...lines].join("\n");
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ");

/** A value in words. */
export function valueText(shown: Shown): string {
  if ("value" in shown) return oneLine(shown.value) || '""';
  if ("unknown" in shown) return "(known after the deploy)";
  if ("secret" in shown) return "(secret)";
  return "hidden" in shown ? `(${shown.hidden})` : "(none)";
}
