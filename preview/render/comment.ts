import type { PhrasingContent } from "mdast";
import type { ChangeDocument, Shown } from "../change-set/document.ts";
import { shortType } from "../change-set/names.ts";
import { rangeText } from "../cost/compare.ts";
import { sumOf } from "../cost/estimate.ts";
import { approvalText } from "../deploy/approval.ts";
import { changeBlocks, type Level, valueText } from "./changes.ts";
import { dataBlocks } from "./data.ts";
import { driftBlocks, driftCell } from "./drift.ts";
import { policyBlocks, policyCell } from "./policies.ts";
import {
  type Block,
  block,
  code,
  details,
  heading,
  list,
  names,
  paragraph,
  plural,
  say,
  strong,
  type Tree,
  table,
  words,
} from "./tree.ts";
import { verdictOf } from "./verdict.ts";

/** The whole content of a preview, at one level of detail. */
export function commentTree(document: ChangeDocument, level: Level): Tree {
  const children: Block[] = [
    title(document),
    ...doubts(document, level),
    ...dataBlocks(document, level >= 4),
    ...errors(document, level),
    ...(document.command === "drift" ? [] : [...stopped(document), counts(document)]),
    ...pending(document, level),
    ...driftBlocks(document, level),
    ...weaker(document, level),
    ...machines(document, level),
    ...(level < 4 ? changeBlocks(document, level) : []),
    ...(level < 3 ? configuration(document) : []),
    ...(level < 3 ? cloudInit(document, level) : []),
    ...(level < 4 ? iam(document, level) : []),
    ...rights(document, level),
    ...(level < 4 ? network(document, level) : []),
    ...policyBlocks(document, level),
    ...(level < 3 ? cost(document) : []),
    ...(level < 2 ? warnings(document) : []),
    foot(document, level),
  ];
  return { type: "root", children };
}

function title(document: ChangeDocument): Block {
  const verdict = verdictOf(document);
  const [sign, parts] = [verdict.sign, [...verdict.parts]];
  if (document.rehearsed) parts.push({ words: " · rehearsed, not your account" });
  const said = parts.map((part): PhrasingContent => ("words" in part ? words(part.words) : code(part.name)));
  return heading(say(`${sign} cloister `), code(document.stack), say(" · "), ...said);
}

function doubts({ doubts: found, command }: ChangeDocument, level: Level): Block[] {
  if (found.length === 0) return [];
  const items = found.slice(0, level >= 4 ? 3 : 10).map((one): PhrasingContent[] => [code(one, 300)]);
  return [
    paragraph(strong(say(command === "drift" ? "Not complete" : "Not complete, and not to be approved"))),
    list(items),
  ];
}

function errors({ diagnostics, policies, data }: ChangeDocument, level: Level): Block[] {
  const isForbidden = policies.results.some(({ state, level: of }) => state === "failed" && of === "mandatory");
  // The engine's own last word says nothing beside the others.
  const all = diagnostics.filter(({ severity }) => severity === "error");
  const found = all.filter(({ message }) => message.trim() !== "preview failed" || (all.length === 1 && !isForbidden));
  if (found.length === 0) return [];
  const longest = [4000, 2000, 1000, 500, 300][level] ?? 300;
  const text = found.map(({ message }) => message).join("\n\n");
  const cut = text.length > longest ? `${text.slice(0, longest)}\n… ${text.length - longest} characters more` : text;
  const isRefused = data.some(({ fate }) => fate === "refused") || all.some(({ on }) => on === "cloister-onDestroy");
  return [
    paragraph(strong(say("The engine says"))),
    block(cut),
    ...(isRefused
      ? [
          paragraph(
            say("To unprotect it, as the engine proposes, gives its data up: it is deleted or left behind then."),
          ),
        ]
      : []),
  ];
}

function warnings({ diagnostics }: ChangeDocument): Block[] {
  const found = diagnostics.filter(({ severity }) => severity === "warning");
  if (found.length === 0) return [];
  const text = found.map(({ message }) => message).join("\n");
  return [details(plural(found.length, "warning"), block(text.length > 2000 ? `${text.slice(0, 2000)}\n…` : text))];
}

/** A preview that was refused has steps as well, which nobody takes. */
function stopped({ result, changes }: ChangeDocument): Block[] {
  if (result === "succeeded" || changes.length === 0) return [];
  return [
    paragraph(
      strong(say("Nothing of this happens as it stands")),
      say(": the rest is what the preview came to before it stopped."),
    ),
  ];
}

function counts(document: ChangeDocument): Block {
  const { counts: count, cost: costs } = document;
  const usual = costs?.usual ? `; as scheduled ${rangeText(costs.usual.delta, true)}` : "";
  const left = costs && costs.left.length > 0 ? `, and outside of the stack ${rangeText(sumOf(costs.left))}` : "";
  const [delta, after] = costs ? [rangeText(costs.delta, true), rangeText(costs.after)] : ["not known", "not known"];
  const month = delta === after ? delta : `${delta} (${after})${left}${usual}`;
  const cells = [count.replaced, count.deleted, count.updated, count.created, count.same].map((one) => [
    say(String(one)),
  ]);
  const more = { policies: policyCell(document), drift: driftCell(document) };
  const asked = Object.entries(more).flatMap(([head, cell]) => (cell === undefined ? [] : [{ head, cell }]));
  return table(
    ["replaced", "deleted", "updated", "created", "unchanged", "USD a month", ...asked.map(({ head }) => head)],
    [[...cells, [say(month)], ...asked.map(({ cell }) => [say(cell)])]],
  );
}

/** What the base would change just so. */
function pending({ pending: urns, changes, programChanged }: ChangeDocument, level: Level): Block[] {
  if (urns === null || changes.length === 0) return [];
  const same = new Set(urns);
  const found = changes.filter(({ urn }) => same.has(urn));
  if (found.length === 0)
    return level < 3
      ? [
          paragraph(
            say(
              programChanged
                ? "All of it is by this change's configuration: the base's makes none of it."
                : "All of it is this change's: the base alone makes none of it.",
            ),
          ),
        ]
      : [];
  return [
    paragraph(
      strong(
        say(`Not by this change${programChanged ? "'s configuration" : ""}: ${found.length} of ${changes.length}`),
      ),
      say(
        programChanged
          ? ". This change's program makes them with the base's configuration as well: they are the program's, or merged and not deployed: "
          : ". The base makes them just so, it is not deployed: ",
      ),
      ...names(
        found.map(({ type, name }) => `${shortType(type)} ${name}`),
        level >= 3 ? 4 : 12,
        80,
      ),
      say("."),
    ),
  ];
}

/** Walls that are lower after the change. Never folded: a reviewer must not have to look for them. */
function weaker({ exposures }: ChangeDocument, level: Level): Block[] {
  if (exposures.length === 0) return [];
  const groups = new Map<string, ChangeDocument["exposures"]>();
  for (const one of exposures) groups.set(one.what, [...(groups.get(one.what) ?? []), one]);
  const most = [40, 30, 20, 10, 5][level] ?? 5;
  const rows = [...groups]
    .slice(0, most)
    .map(([what, all]) => [
      [words(what)],
      names([...new Set(all.map(({ on }) => on))], [40, 24, 12, 6, 2][level] ?? 2, 80),
    ]);
  if (groups.size > most) rows.push([[say(`and ${groups.size - most} more`)], [say("")]]);
  return [paragraph(strong(say("Looser than before"))), table(["what", "by"], rows)];
}

function machines({ machines: all }: ChangeDocument, level: Level): Block[] {
  if (all.length === 0) return [];
  const groups = new Map<string, typeof all>();
  for (const one of all) {
    const key = JSON.stringify([one.order, one.effect, one.kind, one.note, one.minutes]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const rows = [...groups.values()].slice(0, level >= 2 ? 15 : 60).map((same) => {
    const { order, effect, kind, minutes, note } = same[0] as (typeof all)[0];
    const when = ["", "at once", "then", "at the end"][order] ?? "";
    const long =
      minutes === null
        ? ""
        : `about ${minutes.least} to ${minutes.most} minutes${same.length > 1 && kind === "machine" ? ", all at a time" : ""}`;
    return [
      [say(when)],
      [
        say(`${plural(same.length, kind)} `),
        ...names(
          same.map(({ name }) => name),
          level >= 3 ? 4 : 12,
          60,
        ),
      ],
      [say(effect)],
      [words([long, level >= 3 ? "" : note].filter(Boolean).join(". "))],
    ];
  });
  return [paragraph(strong(say("Machines"))), table(["when", "which", "what", "how long, and how"], rows)];
}

const value = (shown: Shown): PhrasingContent[] =>
  "value" in shown ? [code(shown.value || '""', 120)] : [say(valueText(shown))];

const FEW = 4;

function configuration({ config }: ChangeDocument): Block[] {
  if (config.length === 0) return [];
  const rows = config.slice(0, 25).map(({ key, before, after }) => [[code(key, 120)], value(before), value(after)]);
  if (config.length > 25) rows.push([[say(`and ${config.length - 25} more`)], [say("")], [say("")]]);
  const head = `Configuration: ${plural(config.length, "value")}`;
  const shown = table(["key", "before", "after"], rows);
  // What somebody edited is what a reviewer looks for first; a few rows are in nobody's way.
  return config.length <= FEW ? [paragraph(strong(say(head))), shown] : [details(head, shown)];
}

function cloudInit({ cloudInit: all }: ChangeDocument, level: Level): Block[] {
  if (all.length === 0) return [];
  const blocks = all.flatMap(({ machines: of, bytes, limit, files, note }): Block[] => {
    const number = (count: number | null): string => (count === null ? "?" : count.toLocaleString("en"));
    const room = bytes.after === null ? "" : `; ${number(limit - bytes.after)} left of ${number(limit)}`;
    const sizes = bytes.before === null ? number(bytes.after) : `${number(bytes.before)} → ${number(bytes.after)}`;
    const size = bytes.before === null && bytes.after === null ? "" : ` ${sizes} bytes${room}.`;
    const same = of.length > 1 ? ` The same for ${of.length}.` : "";
    const head = paragraph(...names(of), words(`:${size}${same}${note ? ` ${note}` : ""}`));
    const shown = files.flatMap(({ path, change, diff }): Block[] => [
      paragraph(code(path), say(` ${change}${diff === null ? "; its content is not shown" : ""}`)),
      ...(diff === null || level >= 1 ? [] : [block(diff, "diff")]),
    ]);
    return [head, ...shown];
  });
  return [details("cloud-init", ...blocks)];
}

function iam({ iam: all }: ChangeDocument, level: Level): Block[] {
  if (all.length === 0) return [];
  const rows = all.slice(0, [100, 50, 30, 10, 0][level] ?? 0).map((row) => {
    const { on, change, effect, principals, actions, resources, condition, means } = row;
    const to = resources.filter(Boolean);
    return [
      [strong(say(means === "same" ? "no more, no less" : means === "unknown" ? "not known yet" : means))],
      [code(on, 80)],
      [
        say(
          change === "unknown"
            ? "the policy is known after the deploy"
            : `${change}: ${effect === "Deny" ? "forbids " : ""}`,
        ),
        ...names(actions, 12, 60),
      ],
      [
        ...(principals.length > 0 ? [say("by "), ...names(principals, 3, 120), say(" ")] : []),
        ...(to.length > 0 ? names(to, 4, 120) : []),
      ],
      condition === "" ? [say("")] : [code(condition, 160)],
    ];
  });
  if (all.length > rows.length)
    rows.push([[say(`and ${all.length - rows.length} more`)], [say("")], [say("")], [say("")], [say("")]]);
  const wide = all.filter(({ means }) => means === "broadens").length;
  const later = all.filter(({ means }) => means === "unknown").length;
  const head = `IAM: ${wide > 0 ? `${plural(wide, "row")} give${wide === 1 ? "s" : ""} more` : "nothing gives more"}${later > 0 ? `, ${later} not known before the deploy` : ""}, of ${all.length}`;
  return [details(head, table(["gives", "of", "what", "to", "if"], rows))];
}

function network({ network: all }: ChangeDocument, level: Level): Block[] {
  if (all.length === 0) return [];
  const rows = all.slice(0, [100, 50, 30, 10, 0][level] ?? 0).map(({ change, what, on, from, to, ports }) => {
    const cell = (text: string): PhrasingContent[] => (text === "" ? [say("")] : [code(text, 80)]);
    return [[say(change)], [words(what)], cell(on), cell(from), cell(to), cell(ports)];
  });
  if (all.length > rows.length)
    rows.push([[say(`and ${all.length - rows.length} more`)], [say("")], [say("")], [say("")], [say("")], [say("")]]);
  return [details(`Network: ${plural(all.length, "row")}`, table(["", "what", "on", "from", "to", "more"], rows))];
}

/** Rights that the deploy needs and the deployer has not. */
function rights({ rights: found }: ChangeDocument, level: Level): Block[] {
  if (found === null) return [];
  const { missing, needed, from } = found;
  if (missing.length === 0)
    return level < 2
      ? [paragraph(words(`Rehearsed: the deploy needs ${plural(needed, "right")}, all in `), code(from, 120), say("."))]
      : [];
  const most = [60, 40, 20, 10, 5][level] ?? 5;
  const rows = missing
    .slice(0, most)
    .map(({ action, denied, on }) => [[code(action, 80)], [say(denied ? "denied" : "not allowed")], names(on, 4, 80)]);
  if (missing.length > most) rows.push([[say(`and ${missing.length - most} more`)], [say("")], [say("")]]);
  return [
    paragraph(
      strong(say(`This change needs ${plural(missing.length, "right")} that the deployer has not`)),
      say(", by "),
      code(from, 120),
    ),
    table(["right", "is", "for"], rows),
  ];
}

type CostLines = NonNullable<ChangeDocument["cost"]>["lines"];

/** Sorts lines by their difference, the largest first. Differences that are not known come before all. */
function byWeight(lines: CostLines): CostLines {
  const weight = ({ delta: { least, most } }: CostLines[0]): number =>
    least === null || most === null ? Number.POSITIVE_INFINITY : Math.max(Math.abs(least), Math.abs(most));
  return [...lines].sort((a, b) => weight(b) - weight(a) || 0);
}

function cost({ cost: costs }: ChangeDocument): Block[] {
  if (!costs || costs.lines.length + costs.left.length + costs.once.length === 0) return [];
  const { lines, left, once, prices, delta } = costs;
  const rows = byWeight(lines)
    .slice(0, 15)
    .map(({ what, before, after, delta: by }) => [
      [code(what, 80)],
      [say(rangeText(before))],
      [say(rangeText(after))],
      [say(rangeText(by, true))],
    ]);
  if (lines.length > 15) rows.push([[say(`and ${lines.length - 15} more`)], [say("")], [say("")], [say("")]]);
  const listed = (title: string, all: typeof left): Block[] => {
    if (all.length === 0) return [];
    const items = all
      .slice(0, 20)
      .map(({ what, ...range }): PhrasingContent[] => [code(what, 80), say(`: ${rangeText(range)}`)]);
    return [paragraph(say(`${title}: ${rangeText(sumOf(all))}`)), list(items)];
  };
  return [
    details(
      `Cost: ${rangeText(delta, true)} USD a month`,
      ...(rows.length > 0 ? [table(["USD a month", "before", "after", "difference"], rows)] : []),
      ...(costs.usual
        ? [
            paragraph(
              say(
                `With pools as large as their schedules ask for: ${rangeText(costs.usual.before)} before, ${rangeText(costs.usual.after)} after.`,
              ),
            ),
          ]
        : []),
      ...listed("Outside of the stack goes on to cost, USD a month", left),
      ...listed("Once, USD", once),
      paragraph(
        say("By prices of "),
        code(prices.region, 40),
        say(`, ${month(prices.date)}${prices.isOwn ? "" : "; the stack's region costs more"}, without traffic.`),
      ),
    ),
  ];
}

/** A date of the document, which another job may have written. */
const month = (text: string): string => (/^[\d-]{4,10}$/.test(text) ? text : "an unknown day");

function foot(document: ChangeDocument, level: Level): Block {
  const { digest, state, base, commit, complete, command, changes } = document;
  const cut = level > 0 ? ["This comment is cut: the page and the document have all of it. "] : [];
  if (command === "drift") {
    const said = commit ? [say(", at commit "), code(commit.slice(0, 12))] : [];
    return paragraph(...cut.map(say), say("Digest of what was found: "), code(digest.slice(0, 32)), ...said, say("."));
  }
  const words = complete && level === 0 ? "To approve: " : "Not to be approved: ";
  return paragraph(
    ...cut.map(say),
    say(words),
    code(approvalText({ digest, state, base }), 120),
    say(" (changes, state and base)"),
    ...(commit ? [say(", commit "), code(commit.slice(0, 12))] : []),
    say(complete && level === 0 && changes.length > 0 ? ". After the merge, run deploy with it." : "."),
  );
}
