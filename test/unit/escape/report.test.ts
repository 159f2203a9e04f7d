import assert from "node:assert/strict";
import fc from "fast-check";
import type { Row, Verdict } from "../../escape/check.ts";
import { escapeHtml, type RunFacts, renderReport } from "../../escape/report/html.ts";
import { printable, rowText } from "../../escape/suite.ts";

const facts: RunFacts = {
  time: "2026-01-12T09:30:01.123Z",
  machine: "a machine",
  kernel: "Linux 6.8.0 x86_64",
  image: "{}",
  system: "Ubuntu 22.04.5 LTS",
  seed: 7,
  seconds: 1.5,
};
const wall = { name: "folders", keeps: "What it keeps." };

const rowOf = (change: Partial<Row> = {}): Row => ({
  id: "folders.x",
  wall: "folders",
  what: "What is tried.",
  source: "1",
  verdict: "held",
  attack: "nothing",
  control: "worked",
  seconds: 0.1,
  ...change,
});

/** Tags of a page, without what stands between them. */
const tags = (html: string): string[] => html.match(/<[^>]*>/g) ?? [];

describe("the escape suite's report", () => {
  it("says wall by wall what was tried, the control, the result, and on what machine", () => {
    const html = renderReport(facts, [wall], [rowOf({ verdict: "broken", attack: "root's canary was read" })]);
    for (const text of ["folders.x", "What is tried.", "root&#39;s canary was read", "worked", "broken", "item 1"]) {
      assert.ok(html.includes(text), text);
    }
    for (const text of Object.values(facts).slice(0, 5))
      assert.ok(html.includes(escapeHtml(String(text))), String(text));
    assert.ok(html.includes("<dd>7</dd>"));
  });

  it("begins with what did not pass and with counts of each wall, which lead to the rows", () => {
    const other = { name: "marks", keeps: "What that keeps." };
    const none = { name: "fuzz", keeps: "Not attacked in this run." };
    const rows = [
      rowOf(),
      rowOf({ id: "folders.y", verdict: "unproven" }),
      rowOf({ id: "marks.z", wall: "marks", verdict: "absent", source: "limits" }),
    ];
    const html = renderReport(facts, [wall, other, none], rows);
    const [head = "", ...sections] = html.split("<section");
    assert.equal(sections.length, 2);
    const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, place = ""]) => place);
    assert.deepEqual(links, ["check-2", "folders", "marks"]);
    for (const place of links) assert.equal(html.split(`id="${place}"`).length, 2, place);
    assert.ok(head.indexOf("What did not pass") < head.indexOf("<table"));
    assert.match(head, /<td><a href="#folders">folders<\/a><\/td><td>2<\/td>/);
    assert.match(html, /<small>item 1<\/small>/);
    assert.match(html, /<small>limits<\/small>/);
    assert.ok(!renderReport(facts, [wall], [rowOf()]).includes("What did not pass"), "control");
  });

  it("has nothing outside of the page, and forbids a browser to run or fetch anything", () => {
    const html = renderReport(facts, [wall], [rowOf()]);
    assert.ok(!/<(script|link|img|iframe|object|embed|base|form)\b|\bsrc=|url\(|@import|\bon\w+=/i.test(html));
    assert.ok(html.includes(`content="default-src 'none'; style-src 'unsafe-inline'"`));
    assert.deepEqual(
      tags(html).filter((tag) => /href=/.test(tag)),
      ['<a href="#folders">'],
    );
  });

  it("shows what a session printed as text, whatever it is", () => {
    const plain = tags(renderReport(facts, [wall], [rowOf()]));
    const property = fc.property(
      fc.string({ unit: "binary" }),
      fc.constantFrom("attack", "control", "what", "id", "source"),
      (text, field) => {
        const hostile = `</code></td><script>alert(1)</script><img src=x onerror=y>${text}`;
        assert.deepEqual(tags(renderReport(facts, [wall], [rowOf({ [field]: hostile })])), plain);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it("shows a machine's own words as text too", () => {
    const plain = tags(renderReport(facts, [wall], [rowOf()]));
    const hostile = { machine: "<b>", kernel: '"><svg onload=x>', image: "</dl>", system: "<!--" };
    assert.deepEqual(tags(renderReport({ ...facts, ...hostile }, [wall], [rowOf()])), plain);
  });

  it("makes characters visible that hide others or turn the direction of text", () => {
    const hidden = [
      "\u0000",
      "\u001b[2J",
      "\u202e",
      "\u200b",
      "\u2066",
      "\ufeff",
      "\ud800",
      "\udc00",
      "\u0085",
      "\n",
      "\u{e0041}",
    ];
    for (const text of hidden) {
      const escaped = escapeHtml(`a${text}b`);
      assert.match(escaped, /^a\\u\{[0-9a-f]+\}/, JSON.stringify(text));
      assert.ok(!escaped.includes(text), JSON.stringify(text));
    }
    assert.equal(escapeHtml("Grüße 日本 🙂"), "Grüße 日本 🙂", "control: text stays");
  });

  it("is well formed UTF-8 for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const html = renderReport(facts, [wall], [rowOf({ attack: text })]);
        assert.equal(Buffer.from(html, "utf8").toString("utf8"), html);
      }),
    );
  });

  it("counts: only what held, or had nothing to attack, lets a wall hold", () => {
    const title = (verdict: Verdict) =>
      /<title>(.*)<\/title>/.exec(renderReport(facts, [wall], [rowOf({ verdict })]))?.[1];
    assert.equal(title("held"), "cloister: every wall held");
    assert.equal(title("absent"), "cloister: every wall held");
    for (const verdict of ["broken", "unproven", "error"] as const)
      assert.match(title(verdict) ?? "", /1 checks did not/);
  });
});

describe("the escape suite's words on a terminal", () => {
  it("let no escape of a session's through", () => {
    const text = rowText(rowOf({ verdict: "broken", attack: "\u001b]0;x\u0007\u009b2J\r\n", control: "\u202e" }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text), JSON.stringify(text));
    assert.equal(text.split("\n").length, 3);
    assert.equal(printable("it's $(id) – ü"), "it's $(id) – ü", "control: text stays");
  });
});
