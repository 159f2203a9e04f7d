/**
 * Parts of which a comment is made. One tree is printed as Markdown, as a page and on a terminal, so none of them says
 * more than another.
 */
import type { BlockContent, Paragraph, Parent, PhrasingContent, Root, Table } from "mdast";

/** A part that is folded where folding is possible. The summary is in our own words, never in the program's. */
export interface Details extends Parent {
  type: "details";
  summary: string;
  children: Block[];
}

export type Block = BlockContent | Details;
export type Tree = Omit<Root, "children"> & { children: Block[] };

declare module "mdast" {
  interface BlockContentMap {
    details: Details;
  }
  interface RootContentMap {
    details: Details;
  }
}

/** Characters that steer a terminal, hide themselves or turn text around. */
const STEERING = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text that needs no look at each of its characters. */
const PLAIN = /^[\x21-\x7e]*(?: [\x21-\x7e]+)*$/;

/** The program's text as one line of code: nothing reads mentions, links or numbers of issues in code. */
export function code(text: string, longest = 200): PhrasingContent {
  // Of a long text only the beginning is shown: the rest need not be looked at.
  const some = text.length > longest * 4 ? text.slice(0, longest * 4) : text;
  const line = (PLAIN.test(some) ? some : some.replace(STEERING, "\ufffd").replace(/\s+/g, " ").trim()) || " ";
  if (line.length <= longest && some.length === text.length) return { type: "inlineCode", value: line };
  return { type: "inlineCode", value: `${line.slice(0, longest - 1)}…` };
}

/** Text of the program in several lines. */
export function block(text: string, lang?: "diff"): Block {
  return { type: "code", ...(lang ? { lang } : {}), value: text.replace(STEERING, "\ufffd") };
}

/** Our own words. */
export const say = (value: string): PhrasingContent => ({ type: "text", value });
/**
 * Words of the document. If this program made the document, they are ours. If another job made it, that job may have
 * written anything: so we show everything but plain words as code.
 */
export const words = (value: string): PhrasingContent =>
  /^[A-Za-z0-9\s.,;()%'±−+→·-]*(?::(?!\/)[A-Za-z0-9\s.,;()%'±−+→·-]*)*$/.test(value) &&
  !/\b(?:GH-\d|www\.)/i.test(value)
    ? say(value)
    : code(value);
export const strong = (...children: PhrasingContent[]): PhrasingContent => ({ type: "strong", children });
export const paragraph = (...children: PhrasingContent[]): Paragraph => ({ type: "paragraph", children });
export const heading = (...children: PhrasingContent[]): Block => ({ type: "heading", depth: 3, children });
export const quote = (...children: BlockContent[]): Block => ({ type: "blockquote", children });
export const details = (summary: string, ...children: Block[]): Details => ({
  type: "details",
  // The summary may contain types of resources, which the program writes: no character may have a meaning in Markdown.
  summary: summary.replace(/[^A-Za-z0-9 .,;:()±−+-]/g, ""),
  children,
});

export function list(items: readonly PhrasingContent[][]): Block {
  const children = items.map((item) => ({ type: "listItem" as const, spread: false, children: [paragraph(...item)] }));
  return { type: "list", ordered: false, spread: false, children };
}

export function table(head: readonly string[], rows: readonly PhrasingContent[][][]): Table {
  const row = (cells: readonly PhrasingContent[][]) => ({
    type: "tableRow" as const,
    children: cells.map((children) => ({ type: "tableCell" as const, children })),
  });
  return {
    type: "table",
    align: head.map(() => null),
    children: [row(head.map((text) => [say(text)])), ...rows.map(row)],
  };
}

/**
 * The least number of bytes that a tree has as Markdown: those of its texts. Marks and escapes only come to them. It costs
 * much less than the Markdown itself.
 */
export function leastBytes(node: unknown, limit = Number.POSITIVE_INFINITY): number {
  const { value, summary, children } = node as { value?: unknown; summary?: unknown; children?: readonly unknown[] };
  let sum = 0;
  for (const text of [value, summary]) if (typeof text === "string") sum += Buffer.byteLength(text);
  for (const child of children ?? []) {
    if (sum > limit) break;
    sum += leastBytes(child, limit - sum);
  }
  return sum;
}

/** A list of names. If they are many, it has only some of them. */
export function names(all: readonly string[], most = 12, longest = 200): PhrasingContent[] {
  const some = all.slice(0, most).flatMap((name, i) => [...(i > 0 ? [say(", ")] : []), code(name, longest)]);
  return all.length > most ? [...some, say(` and ${all.length - most} more`)] : some;
}

/** A list of names, where several things may have one name: then it says how many. What is left out is counted in things. */
export function counted(all: readonly string[], most: number, longest: number): PhrasingContent[] {
  const counts = new Map<string, number>();
  for (const name of all) counts.set(name, (counts.get(name) ?? 0) + 1);
  const some = [...counts].slice(0, most);
  const left = all.length - some.reduce((sum, [, count]) => sum + count, 0);
  const shown = some.flatMap(([name, count], i) => [
    ...(i > 0 ? [say(", ")] : []),
    code(name, longest),
    ...(count > 1 ? [say(` (${count} times)`)] : []),
  ]);
  return left > 0 ? [...shown, say(` and ${left} more`)] : shown;
}

/** `1 disk`, `2 disks`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
