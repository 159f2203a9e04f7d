import type { Element, Nodes } from "hast";
import { toHtml } from "hast-util-to-html";
import { toHast } from "mdast-util-to-hast";
import type { ChangeDocument } from "../change-set/document.ts";
import { commentTree } from "./comment.ts";
import { PICTURE_STYLE, pictures } from "./picture.ts";
import type { Details } from "./tree.ts";
import { verdictText } from "./verdict.ts";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bad: #d1242f; --good: #1a7f37; --warn: #bf8700; --code: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
table { border-collapse: collapse; margin: .8rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
code { background: var(--code); border-radius: .2rem; padding: .1rem .3rem; overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: .3rem; padding: .6rem; overflow-x: auto; white-space: pre-wrap; }
pre code { background: none; padding: 0; }
blockquote { border-left: .3rem solid var(--bad); margin: .8rem 0; padding: .1rem 1rem; }
details { border: 1px solid var(--line); border-radius: .3rem; margin: .6rem 0; padding: .3rem .8rem; }
summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
@media (max-width: 40rem) { body { margin: 1rem auto; } h1 { font-size: 1.15rem; } }
`;

/** One page that needs nothing else, with all of a document on it. It loads nothing and runs nothing. */
export function page(document: ChangeDocument): string {
  const body = toHast(commentTree(document, 0), {
    handlers: {
      details: (state, node: Details): Element => ({
        type: "element",
        tagName: "details",
        properties: {},
        children: [
          { type: "element", tagName: "summary", properties: {}, children: [{ type: "text", value: node.summary }] },
          ...(state.all(node as never) as Element["children"]),
        ],
      }),
    },
  }) as Nodes;
  const first = body.type === "root" ? body.children.find((one) => one.type === "element") : undefined;
  if (first?.type === "element") first.tagName = "h1";
  const element = (tagName: string, properties: Element["properties"], ...children: Element["children"]): Element => ({
    type: "element",
    tagName,
    properties,
    children,
  });
  const head = element(
    "head",
    {},
    element("meta", { charSet: "utf-8" }),
    element("meta", {
      httpEquiv: ["Content-Security-Policy"],
      content: "default-src 'none'; style-src 'unsafe-inline'",
    }),
    element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    element("title", {}, { type: "text", value: verdictText(document) }),
    element("style", {}, { type: "text", value: `${STYLE}${PICTURE_STYLE}` }),
  );
  const content = [...(body.type === "root" ? body.children : [body])] as Element["children"];
  const picture = pictures(document);
  // Behind the verdict and the data.
  const table = content.findIndex((one) => one.type === "element" && one.tagName === "table" && isCounts(one));
  if (picture) content.splice(Math.max(1, table), 0, picture);
  const html = element("html", { lang: "en" }, head, element("body", {}, element("main", {}, ...content)));
  return `<!doctype html>\n${toHtml(html)}\n`;
}

/** The table of counts, of which there is one. */
function isCounts(table: Element): boolean {
  return toHtml(table).includes("<th>unchanged</th>");
}
