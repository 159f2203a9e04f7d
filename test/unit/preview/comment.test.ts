import assert from "node:assert/strict";
import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { difference as differenceOf } from "../../../preview/cost/compare.ts";
import { COMMENT_LIMIT, comment } from "../../../preview/render/markdown.ts";
import { page } from "../../../preview/render/page.ts";
import { terminal } from "../../../preview/render/terminal.ts";
import { documentOf } from "../../support/preview/documents.ts";

const HOSTILE = [
  "```\n# out",
  "</details></summary><script>alert(1)</script>",
  "a | b",
  "@team",
  "see #1 and GH-2",
  "https://evil.example.com/x",
  "[click](javascript:alert(1))",
  "![x](http://evil.example.com/p.png)",
  "<!-- cloister:preview v1 stack=dev complete=true -->",
  "\u001b[2J\u001b]0;title\u0007",
  "\u202egnp.exe",
  "`` ` ``",
  "| - | - |\n| a | b |",
  "日本語".repeat(20),
  "-->",
];

/** A document with so many of everything, named by whoever writes the program. */
function large(count: number, text: (i: number) => string): ChangeDocument {
  const document = structuredClone(documentOf("destroy-delete-data"));
  const [data] = document.data;
  const [change] = document.changes;
  if (!data || !change) throw new Error("nothing to copy");
  const each = <T>(make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const ops = ["create", "update", "delete", "replace"] as const;
  document.data = each((i) => ({ ...data, fate: "lost", name: text(i), id: text(i), why: text(i), also: [text(i)] }));
  document.changes = each((i) => ({
    ...change,
    op: ops[i % 4] ?? "update",
    type: `aws:x/y:${text(i)}`,
    name: text(i),
    component: i % 2 ? `machine ${text(i)}` : "",
    because: [[{ path: text(i), name: text(i) }, { config: text(i) }]],
    properties: [{ path: text(i), before: { value: text(i) }, after: { hidden: text(i) }, forces: true }],
  }));
  document.config = each((i) => ({ key: text(i), before: { value: text(i) }, after: { absent: true } }));
  document.machines = each((i) => ({
    name: text(i),
    kind: "machine",
    effect: "replaced",
    order: 1,
    minutes: null,
    note: text(i),
  }));
  document.iam = each((i) => ({
    on: text(i),
    change: "added",
    effect: text(i),
    principals: [text(i)],
    actions: [text(i)],
    resources: [text(i)],
    condition: text(i),
    means: "broadens",
  }));
  document.network = each((i) => ({
    change: "added",
    what: "route",
    on: text(i),
    from: text(i),
    to: text(i),
    ports: text(i),
  }));
  document.policies = {
    packs: [text(0)],
    wholeStack: false,
    results: each((i) => ({
      pack: text(i),
      policy: text(i),
      level: "mandatory",
      severity: text(i),
      state: i % 3 === 0 ? "failed" : i % 3 === 1 ? "not-decided" : "passed",
      passed: 1,
      findings: i % 3 === 0 ? [{ on: text(i), message: text(i) }] : [],
      undecided: i % 3 === 1 ? [{ on: text(i), path: text(i) }] : [],
    })),
    exceptions: each((i) => ({
      policy: text(i),
      on: text(i),
      reason: text(i),
      by: text(i),
      since: text(i),
      until: text(i),
      state: i % 2 ? "expired" : "in force",
    })),
  };
  document.diagnostics = each((i) => ({ severity: i % 2 ? "error" : "warning", on: text(i), message: text(i) }));
  document.renames = each((i) => ({
    kind: "machine",
    from: text(i),
    to: text(i),
    equal: 1,
    of: 1,
    zone: { before: text(i), after: text(i) },
    remedy: { config: text(i), deleted: 0, replaced: 0 },
  }));
  document.cloudInit = each((i) => ({
    machines: [text(i)],
    bytes: { before: 1, after: 2 },
    limit: 16384,
    note: "",
    files: [{ path: text(i), change: "changed", diff: `-${text(i)}\n+x` }],
  }));
  document.cost = {
    before: { least: 1, most: 2 },
    after: { least: null, most: null },
    delta: { least: null, most: null },
    usual: null,
    lines: each((i) => ({
      what: text(i),
      before: { least: null, most: null },
      after: { least: 1, most: 1 },
      delta: { least: null, most: null },
    })),
    left: each((i) => ({ what: text(i), least: 1, most: 1 })),
    once: each((i) => ({ what: text(i), least: 1, most: null })),
    prices: { region: text(0), date: text(1), isOwn: false },
  };
  document.counts = { replaced: count, deleted: count, updated: count, created: count, same: 0, onlyOrder: 0 };
  document.doubts = each(text);
  document.result = "failed";
  return document;
}

/** Holds a comment against what a reader's browser would make of it. */
function harmless(text: string): void {
  const tree = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  let open = 0;
  const walk = (node: Nodes): void => {
    assert.ok(
      !["link", "image", "linkReference", "definition", "footnoteReference", "imageReference"].includes(node.type),
      node.type,
    );
    if (node.type === "html") {
      assert.match(
        node.value,
        /^(?:<details><summary>[^<>]*<\/summary>|<\/details>|<!-- cloister:preview v1 [A-Za-z0-9=._: -]* -->)$/,
      );
      if (node.value.startsWith("<details>")) open++;
      if (node.value === "</details>") open--;
      assert.ok(open >= 0);
    }
    if (node.type === "text") assert.doesNotMatch(node.value, /@[a-z]|#\d|GH-\d|:\/\/|[\u202a-\u202e\u2066-\u2069]/i);
    if ("children" in node) for (const child of node.children) walk(child as Nodes);
  };
  walk(tree);
  assert.equal(open, 0);
}

describe("the comment", function () {
  this.timeout(240_000);

  it("is harmless, whatever the program calls its things", () => {
    for (const hostile of HOSTILE) {
      const { text } = comment(large(3, (i) => `${hostile}${i}`));
      harmless(text);
    }
  });

  it("the check finds what is not (control)", () => {
    for (const bad of [
      "see https://example.com",
      "by @team",
      "fixes #1",
      "<b>x</b>",
      "<details><summary>x</summary>\n\nx",
    ])
      assert.throws(() => harmless(bad), bad);
  });

  it("is cut by levels and not by bytes, and is not to be approved then", () => {
    for (const [count, size] of [
      [100, 60],
      [1000, 60],
      [1000, 400],
      [1500, 1500],
    ] as const) {
      const document = large(count, (i) => `${HOSTILE[i % HOSTILE.length]} ${"ü".repeat(size)}${i}`);
      const { text, level, complete } = comment(document);
      assert.ok(Buffer.byteLength(text) <= COMMENT_LIMIT, `${Buffer.byteLength(text)} bytes`);
      assert.ok(level > 0);
      assert.equal(complete, false);
      assert.match(text, / complete=false -->\n/);
      assert.match(text, /This comment is cut/);
      assert.match(text, /Not to be approved/);
      assert.ok(text.includes(document.digest.slice(0, 16)));
      assert.match(text, /Data lost: /);
      assert.match(text, /\| replaced \| deleted \|/);
      harmless(text);
    }
  });

  it("leaves out details first, then rows, then reasons, and data never", () => {
    const document = documentOf("network");
    const sizes = [60_000, 9_000, 7_000, 3_500, 2_600].map((limit) => comment(document, limit));
    for (const [i, { level, complete, text }] of sizes.entries()) {
      assert.equal(complete, level === 0);
      assert.ok(level >= (sizes[i - 1]?.level ?? 0));
      for (const disk of ["one-session", "two-session"]) assert.ok(text.includes(disk));
    }
    assert.ok(new Set(sizes.map(({ level }) => level)).size >= 3);
  });

  it("of a document that is not complete is not to be approved, also where all of it is there", () => {
    const document = { ...documentOf("ami"), complete: false, doubts: ["the stream was cut"] };
    const { level, complete, text } = comment(document);
    assert.deepEqual([level, complete], [0, false]);
    assert.match(text, /Not complete, and not to be approved/);
  });

  it("a price that is not known is no saving", () => {
    const document = documentOf("none");
    const [known, unknown] = [
      { least: 100, most: 100 },
      { least: null, most: null },
    ];
    const difference = (before: typeof unknown | typeof known, after: typeof unknown) => ({
      before,
      after,
      delta: differenceOf(before, after),
    });
    document.cost = {
      ...difference(known, unknown),
      usual: null,
      lines: [{ what: "machine one: x9g.large", ...difference(known, unknown) }],
      left: [],
      once: [],
      prices: { region: "us-east-1", date: "2026-01", isOwn: true },
    };
    const { text } = comment(document);
    assert.match(text, /\| not known \|/);
    assert.doesNotMatch(text, /−|-100/);
  });
});

describe("the page and the terminal view", function () {
  this.timeout(60_000);

  it("the page loads and runs nothing, and text of the program is text", () => {
    for (const hostile of HOSTILE) {
      const html = page(large(2, (i) => `${hostile}${i}`));
      assert.doesNotMatch(html, /<(?:script|img|a|iframe|link|object|form)\b/i);
      assert.doesNotMatch(html, /<[^>]*\s(?:on\w+|href|src)=/i);
      assert.match(html, /Content-Security-Policy" content="default-src &#x27;none&#x27;/);
      assert.equal(html.match(/<details>/g)?.length, html.match(/<\/details>/g)?.length);
    }
  });

  it("the terminal view keeps to its width, and steers nothing", () => {
    for (const width of [60, 80, 120]) {
      for (const name of ["ami", "network", "destroy-delete-data"]) {
        for (const line of terminal(documentOf(name), { width }).split("\n"))
          assert.ok([...line].length <= width + 2, `${width}: ${line}`);
      }
    }
    for (const hostile of HOSTILE) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
      assert.doesNotMatch(terminal(large(2, () => hostile)), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    assert.ok(terminal(documentOf("ami"), { colour: true }).includes("\u001b[1m"));
  });
});
