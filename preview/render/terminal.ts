import Table from "cli-table3";
import type { Nodes, PhrasingContent, Table as TableNode } from "mdast";
import pico from "picocolors";
import wrapAnsi from "wrap-ansi";
import type { ChangeDocument } from "../change-set/document.ts";
import { commentTree } from "./comment.ts";
import type { Block } from "./tree.ts";

/** The properties of a terminal. */
export interface TerminalOptions {
  /** Characters of a line. @default 100 */
  readonly width?: number;
  /** @default false */
  readonly colour?: boolean;
}

/** Shows a whole document on a terminal, where nothing is folded. */
export function terminal(document: ChangeDocument, { width = 100, colour = false }: TerminalOptions = {}): string {
  const colours = pico.createColors(colour);
  const wrap = (text: string, indent = 0): string =>
    wrapAnsi(text, Math.max(20, width - indent), { hard: true })
      .split("\n")
      .map((line) => " ".repeat(indent) + line)
      .join("\n");
  const phrase = (nodes: readonly PhrasingContent[]): string =>
    nodes
      .map((node) => {
        if (node.type === "text") return node.value;
        if (node.type === "inlineCode") return colours.cyan(node.value);
        return node.type === "strong" ? colours.bold(phrase(node.children)) : "";
      })
      .join("");
  const rows = (node: TableNode): string => {
    const [head = [], ...body] = node.children.map((row) => row.children.map((cell) => phrase(cell.children)));
    const most = Math.max(8, Math.floor((width - head.length - 1) / Math.max(1, head.length)));
    const length = (text: string): number => stripped(text).length;
    const wanted = head.map((_, i) => Math.max(...[head, ...body].map((row) => length(row[i] ?? ""))) + 2);
    // Narrow columns leave their room to wide ones.
    const spare = wanted.reduce((sum, one) => sum + Math.max(0, most - one), 0);
    const wide = wanted.filter((one) => one > most).length;
    const colWidths = wanted.map((one) =>
      Math.min(one, one > most ? most + Math.floor(spare / Math.max(1, wide)) : one),
    );
    const table = new Table({
      head: head.map((text) => colours.bold(text)),
      colWidths,
      wordWrap: true,
      style: { head: [], border: [], compact: true },
    });
    table.push(...body);
    return table.toString();
  };
  const print = (node: Block | Nodes): string => {
    switch (node.type) {
      case "heading":
        return wrap(colours.bold(phrase(node.children)));
      case "paragraph":
        return wrap(phrase(node.children));
      case "blockquote":
        return node.children.map((child) => colours.red(print(child as Block))).join("\n");
      case "code":
        return node.value
          .split("\n")
          .map((line) =>
            wrap(
              node.lang === "diff" && /^[+-]/.test(line)
                ? line.startsWith("+")
                  ? colours.green(line)
                  : colours.red(line)
                : line,
              4,
            ),
          )
          .join("\n");
      case "list":
        return node.children
          .map(
            (item) =>
              `- ${item.children
                .map((child) => wrap(print(child as Block), 2))
                .join("\n")
                .trimStart()}`,
          )
          .join("\n");
      case "table":
        return rows(node);
      case "details":
        return [wrap(colours.underline(node.summary)), ...node.children.map(print)].join("\n\n");
      default:
        return "";
    }
  };
  return `${commentTree(document, 0).children.map(print).join("\n\n")}\n`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const stripped = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "");
