import { passes, type Row, type Verdict } from "../check.ts";

/** The report's facts about the run itself. */
export interface RunFacts {
  /** When it began, ISO 8601. */
  readonly time: string;
  /** The machine, in words; its kernel; the digest or name of its runtime image; its operating system. */
  readonly machine: string;
  readonly kernel: string;
  readonly image: string;
  readonly system: string;
  readonly seed: number;
  readonly seconds: number;
}

export interface ReportWall {
  readonly name: string;
  readonly keeps: string;
}

/** A row, and the name of its place in the page, which nobody but this page chooses. */
type Placed = Row & { readonly place: string };

const WORDS: Readonly<Record<Verdict, string>> = {
  held: "held",
  broken: "broken: the attack succeeded",
  unproven: "unproven: the control failed",
  absent: "nothing to attack here",
  error: "could not be made",
};

/** The same, for the head of a column. */
const SHORT: Readonly<Record<Verdict, string>> = {
  held: "held",
  broken: "broken",
  unproven: "unproven",
  error: "not made",
  absent: "nothing to attack",
};

/**
 * One HTML page about a run, with nothing outside of it: no script, no style sheet, no picture. What a session printed is in
 * it as text only; a policy in its head keeps a browser from running or fetching anything even if that failed.
 */
export function renderReport(facts: RunFacts, walls: readonly ReportWall[], rows: readonly Row[]): string {
  const count = (verdict: Verdict): number => rows.filter((row) => row.verdict === verdict).length;
  const placed = rows.map((row, index): Placed => ({ ...row, place: `check-${index + 1}` }));
  const attacked = walls
    .map((wall) => ({ ...wall, rows: placed.filter((row) => row.wall === wall.name) }))
    .filter((wall) => wall.rows.length > 0);
  const failed = placed.filter((row) => !passes(row));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cloister: ${failed.length === 0 ? "every wall held" : `${failed.length} checks did not pass`}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Escape suite</h1>
<p class="sum ${failed.length === 0 ? "held" : "broken"}">${failed.length === 0 ? "Every wall held." : `${failed.length} of ${rows.length} checks did not pass.`}
${rows.length} checks: ${count("held")} held, ${count("broken")} broken, ${count("unproven")} unproven, ${count("error")} could not be made, ${count("absent")} with nothing to attack.</p>
<dl>
${Object.entries({
  Time: facts.time,
  Machine: facts.machine,
  Kernel: facts.kernel,
  System: facts.system,
  "Runtime image": facts.image,
  Seed: String(facts.seed),
  Took: `${facts.seconds.toFixed(0)} s`,
})
  .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
  .join("\n")}
</dl>
<p>A check holds when the attack failed <em>and</em> its control worked: the same deed where it is allowed, or by who may do it. What a session printed is shown as it was, cut to a line.</p>
${failed.length === 0 ? "" : notPassed(failed)}
${overview(attacked)}
${attacked.map((wall) => section(wall, wall.rows)).join("\n")}
</body>
</html>
`;
}

/** What did not pass, above all else: among hundreds of rows nobody would see it. */
function notPassed(rows: readonly Placed[]): string {
  const items = rows.map(
    ({ id, verdict, place }) =>
      `<li class="${verdict}">${link(id, place)}: <span class="verdict">${WORDS[verdict]}</span></li>`,
  );
  return `<h2>What did not pass</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
}

/** How many checks of each wall ended how. */
function overview(walls: readonly (ReportWall & { readonly rows: readonly Row[] })[]): string {
  const kinds = Object.keys(SHORT) as Verdict[];
  const lines = walls.map(({ name, rows }) => {
    const counts = kinds.map((kind) => rows.filter(({ verdict }) => verdict === kind).length);
    const cells = counts.map((count, index) => {
      const kind = kinds[index] ?? "held";
      return count === 0 ? "<td></td>" : `<td class="${kind}"><span class="verdict">${count}</span></td>`;
    });
    const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
    return `<tr><td>${link(name, encodeURIComponent(name))}</td><td>${rows.length}</td>${cells.join("")}<td>${seconds.toFixed(0)}</td></tr>`;
  });
  return `<table class="overview">
<thead><tr><th>wall</th><th>checks</th>${kinds.map((kind) => `<th>${SHORT[kind]}</th>`).join("")}<th>s</th></tr></thead>
<tbody>
${lines.join("\n")}
</tbody>
</table>`;
}

const link = (name: string, place: string): string => `<a href="#${place}">${escapeHtml(name)}</a>`;

/** Where a check comes from: an item of a numbered list, or words. */
const sourceOf = (source: string): string => (/^\d/.test(source) ? `item ${source}` : source);

function section(wall: ReportWall, rows: readonly Placed[]): string {
  return `<section id="${encodeURIComponent(wall.name)}">
<h2>${escapeHtml(wall.name)}</h2>
<p>${escapeHtml(wall.keeps)}</p>
<table>
<thead><tr><th>check</th><th>what was tried</th><th>result</th><th>what was seen</th><th>control</th><th>s</th></tr></thead>
<tbody>
${rows.map(line).join("\n")}
</tbody>
</table>
</section>`;
}

function line(row: Placed): string {
  const cells = [
    `<td><code>${escapeHtml(row.id)}</code><br><small>${escapeHtml(sourceOf(row.source))}</small></td>`,
    `<td>${escapeHtml(row.what)}</td>`,
    `<td class="verdict">${escapeHtml(WORDS[row.verdict])}</td>`,
    `<td><code>${escapeHtml(row.attack)}</code></td>`,
    `<td><code>${escapeHtml(row.control)}</code></td>`,
    `<td>${row.seconds.toFixed(1)}</td>`,
  ];
  return `<tr class="${row.verdict}" id="${row.place}">${cells.join("")}</tr>`;
}

/**
 * Text as HTML text, for elements and quoted attributes. Controls become visible: some turn the direction of what follows
 * or hide it.
 */
export function escapeHtml(text: string): string {
  return [...text]
    .map((character) => {
      const code = character.codePointAt(0) ?? 0;
      if ("&<>\"'`".includes(character)) return `&#${code};`;
      return isHidden(code) ? `\\u{${code.toString(16)}}` : character;
    })
    .join("");
}

/** Controls, marks of direction, characters without width, halves of pairs, what is no character. */
const HIDDEN: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff0, 0xffff],
  [0xe0000, 0xe0fff],
];

const isHidden = (code: number): boolean => HIDDEN.some(([from, to]) => code >= from && code <= to);

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;max-width:90rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{margin-bottom:.3rem} h2{margin:2rem 0 .2rem} dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem} dt{font-weight:600} dd{margin:0}
thead th{position:sticky;top:0;background:#f2f2f2} .overview{width:auto;margin:1rem 0} .overview td:nth-child(n+2),.overview th:nth-child(n+2){text-align:right;width:auto} .overview th:nth-child(n){width:auto} tr:target{outline:.2rem solid} table{border-collapse:collapse;width:100%;table-layout:fixed} th,td{border:1px solid #ccc;padding:.35rem .5rem;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th:nth-child(1){width:13%} th:nth-child(2){width:25%} th:nth-child(3){width:9%} th:nth-child(6){width:4%} td code{font-size:.85em}
.sum{font-size:1.1rem;padding:.5rem .8rem;border-left:.4rem solid} .held .verdict,.sum.held{color:#0a6b2c} .broken .verdict,.unproven .verdict,.error .verdict,.sum.broken{color:#a80f1c;font-weight:600} .absent .verdict{color:#666}
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#15181c} th,td{border-color:#444} thead th{background:#23272d} a{color:#8ab4f8} .held .verdict,.sum.held{color:#5cd38a} .broken .verdict,.unproven .verdict,.error .verdict,.sum.broken{color:#ff8a8f}}
`;
