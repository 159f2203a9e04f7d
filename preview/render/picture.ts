import type { Element } from "hast";
import type { ChangeDocument, DataAtRisk, Thing } from "../change-set/document.ts";

const WIDTH = 400;
const ROW = 26;
/** Rows of one kind; more are told by their number. */
const MOST = 8;
const LONGEST = 38;

/** How a thing is drawn, by what happens to it. A sign says the same as the colour. */
type Look = "same" | "new" | "changed" | "replaced" | "gone" | "left";
const SIGNS: Readonly<Record<Look, string>> = { same: "", new: "+", changed: "~", replaced: "±", gone: "−", left: "↷" };

export const PICTURE_STYLE = `
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
.pictures figure { flex: 1 1 19rem; margin: 0; min-width: 0; }
.pictures figcaption { font-weight: 600; margin-bottom: .3rem; }
.pictures svg { display: block; width: 100%; height: auto; max-width: 32rem; }
.pictures text { font: 13px system-ui, sans-serif; fill: currentColor; }
.pictures .size { text-anchor: end; opacity: .75; }
.pictures .kind { font-size: 11px; opacity: .75; }
.pictures rect { fill: var(--code); stroke: var(--line); rx: 5px; }
.pictures .new rect { stroke: var(--good); stroke-width: 2; }
.pictures .changed rect, .pictures .replaced rect { stroke: var(--warn); stroke-width: 2; }
.pictures .gone rect { stroke: var(--bad); stroke-width: 2; }
.pictures .left rect { stroke: var(--warn); stroke-width: 2; stroke-dasharray: 6 4; }
.pictures .gone .name { text-decoration: line-through; }
`;

const ORDER: readonly Thing["kind"][] = ["machine", "pool", "disk", "secret", "key", "log", "bucket", "network"];
/** Of all others only what changes is shown one by one. */
const MACHINES: readonly Thing["kind"][] = ["machine", "pool", "disk"];
const PLURALS: Readonly<Record<Thing["kind"], string>> = {
  machine: "machines",
  pool: "pools",
  disk: "session disks of named machines",
  secret: "secrets",
  key: "keys",
  log: "logs",
  bucket: "buckets",
  network: "networks",
};

interface Row {
  readonly look: Look;
  readonly name: string;
  readonly size: string;
}

/**
 * Pictures of a stack before and after a change, as SVG in the page: machines, pools and what holds data. Undefined where the
 * preview says nothing of the stack.
 */
export function pictures(document: ChangeDocument): Element | undefined {
  const { stack, things, data, result } = document;
  if (things.length === 0) return undefined;
  const fates = new Map(data.map(({ urn, fate }) => [urn, fate]));
  const before = things
    .filter(({ op }) => op !== "create")
    .map((thing) => [thing, rowBefore(thing, fates.get(thing.urn))] as const);
  const after = things.flatMap((thing) => {
    const row = rowAfter(thing, fates.get(thing.urn));
    return row ? [[thing, row] as const] : [];
  });
  const then = result === "succeeded" ? "After the deploy" : "After it, were it not refused";
  return element("div", { className: ["pictures"] }, [figure(`Before: ${stack}`, before), figure(then, after)]);
}

function rowBefore({ op, formerly, before }: Thing, fate: DataAtRisk["fate"] | undefined): Row {
  const isTaken = op === "delete" || (op === "replace" && (fate === "lost" || fate === "orphaned"));
  const look: Look = !isTaken ? "same" : fate === "orphaned" ? "left" : fate === "refused" ? "same" : "gone";
  return { look, name: formerly, size: before };
}

function rowAfter({ op, name, after, before }: Thing, fate: DataAtRisk["fate"] | undefined): Row | undefined {
  // What is refused stays as it is.
  if (fate === "refused") return { look: "same", name: `${name} (protected)`, size: before };
  if (op === "delete")
    return fate === "orphaned" ? { look: "left", name: `${name}, out of the stack`, size: before } : undefined;
  if (op === "replace" && (fate === "lost" || fate === "orphaned"))
    return { look: "new", name: `${name} (empty)`, size: after };
  const looks = { create: "new", update: "changed", replace: "replaced", keep: "same" } as const;
  return { look: looks[op], name, size: after || before };
}

function figure(caption: string, rows: readonly (readonly [Thing, Row])[]): Element {
  const children: Element[] = [];
  let y = 4;
  const quiet: string[] = [];
  for (const kind of ORDER) {
    const all = rows.filter(([thing]) => thing.kind === kind).map(([, row]) => row);
    const own = MACHINES.includes(kind) ? all : all.filter(({ look }) => look !== "same");
    if (all.length > own.length)
      quiet.push(`${all.length - own.length} ${all.length - own.length === 1 ? kind : PLURALS[kind]}`);
    if (own.length === 0) continue;
    children.push(label(y + 12, PLURALS[kind]));
    y += 18;
    for (const row of fewer(own)) {
      children.push(box(y, row));
      y += ROW + 4;
    }
    y += 6;
  }
  if (quiet.length > 0) {
    children.push(label(y + 12, "unchanged"));
    children.push(box(y + 18, { look: "same", name: quiet.join(", "), size: "" }, 60));
    y += 18 + ROW + 4;
  }
  if (rows.length === 0) {
    children.push(label(y + 12, "nothing"));
    y += 20;
  }
  const spoken = rows.map(
    ([{ kind }, { look, name }]) => `${kind} ${name}${look === "same" ? "" : `: ${WORDS[look]}`}`,
  );
  const shown = spoken.slice(0, 40).join("; ");
  return element("figure", {}, [
    element("figcaption", {}, [text(caption)]),
    element(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${y}`, role: "img", ariaLabel: `${caption}. ${shown || "nothing"}` },
      children,
    ),
  ]);
}

/** The first rows, what changes before what does not, and of each look how many more there are. */
function fewer(rows: readonly Row[]): readonly Row[] {
  const sorted = [...rows].sort((a, b) => Number(a.look === "same") - Number(b.look === "same"));
  if (sorted.length <= MOST) return sorted;
  const rest = sorted.slice(MOST - 1);
  const more = [...new Set(rest.map(({ look }) => look))].map((look) => ({
    look,
    name: `and ${rest.filter((row) => row.look === look).length} more, ${WORDS[look]}`,
    size: "",
  }));
  return [...sorted.slice(0, MOST - 1), ...more];
}

const WORDS: Readonly<Record<Look, string>> = {
  same: "unchanged",
  new: "new",
  changed: "changed",
  replaced: "replaced",
  gone: "deleted",
  left: "left in the account",
};

function box(y: number, { look, name, size }: Row, longest = LONGEST): Element {
  const cut = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
  const sign = SIGNS[look];
  return element("g", { className: [look] }, [
    element("title", {}, [text(name.includes(WORDS[look]) ? name : `${name}: ${WORDS[look]}`)]),
    element("rect", { x: 2, y, width: WIDTH - 4, height: ROW }, []),
    ...(sign ? [element("text", { x: 12, y: y + 18 }, [text(sign)])] : []),
    element("text", { x: 30, y: y + 18, className: ["name"] }, [text(cut)]),
    element("text", { x: WIDTH - 12, y: y + 18, className: ["size"] }, [text(size)]),
  ]);
}

const label = (y: number, words: string): Element => element("text", { x: 4, y, className: ["kind"] }, [text(words)]);

/** Characters that steer or turn text around do nothing in a picture either. */
const text = (value: string) => ({
  type: "text" as const,
  value: value.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd"),
});

function element(
  tagName: string,
  properties: Readonly<Record<string, string | number | string[]>>,
  children: Element["children"],
): Element {
  const texts = Object.entries(properties).map(([key, value]) => [key, typeof value === "number" ? `${value}` : value]);
  return { type: "element", tagName, properties: Object.fromEntries(texts), children };
}
