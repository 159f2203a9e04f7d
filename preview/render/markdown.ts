import { gfmTableToMarkdown } from "mdast-util-gfm-table";
import { type Handle, toMarkdown } from "mdast-util-to-markdown";
import type { ChangeDocument } from "../change-set/document.ts";
import type { Level } from "./changes.ts";
import { commentTree } from "./comment.ts";
import { type Details, leastBytes, type Tree } from "./tree.ts";

/** Bytes of the longest comment: GitHub takes 65,536 characters, and some of them are of several bytes. */
export const COMMENT_LIMIT = 60_000;

/** A comment, and its level of detail. */
export interface Comment {
  readonly text: string;
  /** 0: nothing was left out. */
  readonly level: Level;
  /** True when it may be approved: the document is complete, and so is the comment. */
  readonly complete: boolean;
}

/** The comment of a document. If it is too long, details are left out level by level; nothing is cut in the middle. */
export function comment(document: ChangeDocument, limit = COMMENT_LIMIT): Comment {
  for (const level of [0, 1, 2, 3, 4] as const) {
    const complete = document.complete && level === 0;
    const tree = commentTree(document, level);
    if (leastBytes(tree, limit) > limit) continue;
    const text = `${marker(document, complete)}\n${markdown(tree)}`;
    if (Buffer.byteLength(text) <= limit) return { text, level, complete };
  }
  throw new Error(`the comment is above ${limit} bytes at its shortest: this is an error of preview/render`);
}

/** A mark by which a comment is found again. */
function marker(document: ChangeDocument, complete: boolean): string {
  const { command, stack, commit, at, digest, state, base } = document;
  const word = (text: string): string =>
    text
      .replace(/[^A-Za-z0-9._:-]/g, "_")
      .replace(/-{2,}/g, "-")
      .slice(0, 100);
  const fields = {
    stack,
    commit,
    at,
    digest: digest.slice(0, 32),
    state: state.sha256.slice(0, 32),
    base: base.slice(0, 12),
    complete: String(complete),
  };
  const said = Object.entries(fields).map(([key, text]) => `${key}=${word(text)}`);
  // An issue about drift is no comment about a change: neither may be taken for the other.
  return `<!-- cloister:${command === "drift" ? "drift" : "preview"} v1 ${said.join(" ")} -->`;
}

/** GitHub's Markdown of a tree. */
export function markdown(tree: Tree): string {
  return toMarkdown(tree, {
    bullet: "-",
    rule: "-",
    extensions: [gfmTableToMarkdown({ tablePipeAlign: false, tableCellPadding: true })],
    handlers: { details: detailsHandle as Handle },
  });
}

const detailsHandle: Handle = (node: Details, _parent, state, info) => {
  const content = state.containerFlow({ type: "blockquote", children: node.children } as never, info);
  return `<details><summary>${escaped(node.summary)}</summary>\n\n${content}\n\n</details>`;
};

/** Text in HTML, where nothing in it means anything to Markdown either. */
export function escaped(text: string): string {
  return text.replace(/[&<>"'*_`[\]@#|~\\]/g, (one) => `&#${one.codePointAt(0)};`);
}
