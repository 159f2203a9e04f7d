import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { jsonSchema } from "../../../preview/change-set/document.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { page } from "../../../preview/render/page.ts";
import { terminal } from "../../../preview/render/terminal.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { documentOf } from "../../support/preview/documents.ts";
import { goldenFile, RECORDED } from "../../support/preview/golden.ts";

const schema = JSON.parse(readFileSync(new URL("../../../preview/change-set/schema.json", import.meta.url), "utf8"));

/** The first line of each recorded change: what somebody reads who reads nothing else. */
const VERDICTS: Readonly<Record<string, RegExp>> = {
  none: /^✅ dev · no change$/,
  ami: /^🔧 dev · 2 machines replaced, 1 pool rolling · no data at risk but on disks of the pool$/,
  "user-data": /^🔧 dev · 2 machines replaced, 1 pool rolling · no data at risk but on disks of the pool$/,
  "pool-size": /^🔧 dev · 1 pool resized · no data at risk · up to \+273\.88 USD a month$/,
  "pool-crosses-500":
    /^🔧 dev · 1 pool deleted, 2 pools created · no data at risk but on disks of the pool · up to \+68,331\.84 USD a month$/,
  "disk-grown": /^🔧 dev · 1 pool rolling, 2 disks grown · no data at risk but on disks of the pool$/,
  "disk-shrunk":
    /^⛔ dev · the deploy fails on its way: AWS refuses to change 2 disks · not to be approved · 2 machines replaced, 1 pool rolling$/,
  "rename-delete-data":
    /^🚨 dev · deletes the disk one-session · looks like a rename · 1 machine deleted, 1 machine created$/,
  "rename-with-was": /^🔧 dev · 1 machine replaced · no data at risk$/,
  "zone-moved": /^🚨 dev · deletes the disk one-session · 1 machine replaced$/,
  "pool-renamed":
    /^🔧 dev · looks like a rename · 1 pool deleted, 1 pool created · no data at risk but on disks of the pool$/,
  region:
    /^🚨 dev · deletes 1 bucket, 2 disks, 1 key, 3 logs, 1 secret · makes everything anew in eu-west-1 · 2 machines replaced, 1 pool replaced$/,
  "target-local":
    /^🚨 dev · deletes 1 bucket, 2 disks, 1 key, 3 logs, 1 secret · moves the stack from aws to local · 2 machines deleted, 1 pool deleted, 1 machine created$/,
  "schedule-added": /^🔧 dev · 1 pool made smaller by a schedule · no data at risk but on disks of the pool$/,
  "machines-removed": /^🚨 dev · deletes 2 disks · 2 machines deleted$/,
  "retention-lowered": /^⚠️ dev · keeps for a shorter time: 3 logs, snapshots$/,
  "own-secret":
    /^🚨 dev · deletes the secret cloister-dev-model-key · gives more rights · 2 machines replaced, 1 pool rolling$/,
  network:
    /^🔧 dev · takes the way to the internet away · 2 machines replaced, 1 pool rolling · no data at risk but on disks of the pool$/,
  "hundred-machines": /^🔧 dev · 100 machines created · no data at risk · up to \+14,111\.60 USD a month$/,
  failed: /^❌ dev · the preview failed$/,
  "destroy-delete-data": /^🚨 dev · destroys the stack · deletes 1 bucket, 2 disks, 1 key, 3 logs, 1 secret$/,
  tightened: /^🔧 dev · 14 resources protected from now on · 1 updated · no data at risk$/,
  "rename-keep-data": /^⚠️ dev · leaves the disk in the account, out of the stack: one-session · looks like a rename/,
  "destroy-keep-data": /^⚠️ dev · destroys the stack · leaves 1 bucket, 2 disks, 1 key, 3 logs, 1 secret in the account/,
  "rename-refuse": /^⛔ dev · refused: one-session is protected · the preview failed · looks like a rename$/,
  "zone-moved-refuse": /^⛔ dev · refused: one-session is protected · the preview failed$/,
  "on-destroy-loosened": /^⚠️ dev · 15 resources lose their protection$/,
  "zone-moved-unprotected":
    /^⚠️ dev · leaves the disk in the account, out of the stack: one-session · \d+ resources lose their/,
  "destroy-refuse": /^⛔ dev · would destroy the stack · refused: the stack's data is protected · the preview failed$/,
  "policy-violation": /^❌ dev · a policy forbids it: log-retention · keeps for a shorter time: 3 logs$/,
  "policy-exception": /^⚠️ dev · keeps for a shorter time: 3 logs$/,
  "policy-undecided": /^🔧 dev · 2 machines replaced, 1 pool rolling · no data at risk but on disks of the pool$/,
  "secret-changed": /^🔧 dev · 1 replaced · no data at risk$/,
};

describe("previews recorded from the real engine", function () {
  this.timeout(60_000);
  const validate = new Ajv({ strict: false }).compile(schema);

  it("the published schema is that of the document", () => {
    assert.deepEqual(schema, JSON.parse(JSON.stringify(jsonSchema())), "run npm run docs");
  });

  it("each has a verdict here", () => assert.deepEqual(Object.keys(VERDICTS).sort(), [...RECORDED].sort()));

  for (const name of RECORDED) {
    it(name, () => {
      const document = documentOf(name);
      assert.ok(validate(document), JSON.stringify(validate.errors));
      assert.match(verdictText(document), VERDICTS[name] ?? /$^/);
      // AWS refuses that one for sure.
      assert.equal(document.doubts.length, name === "disk-shrunk" ? 1 : 0);
      const { text, level, complete } = comment(document);
      assert.equal(level, 0);
      assert.equal(complete, document.result === "succeeded" && name !== "disk-shrunk");
      assert.equal(
        text,
        readFileSync(goldenFile(name), "utf8"),
        "run node --import tsx test/support/preview/golden.ts",
      );
      // The same facts, printed otherwise.
      for (const printed of [page(document), terminal(document)])
        for (const { name: thing } of document.data.slice(0, 3)) assert.ok(printed.includes(thing), thing);
    });
  }

  it("answers in its first ten lines what happens and what is lost", () => {
    const questions = parse(readFileSync(new URL("golden/readers.yaml", import.meta.url), "utf8")) as Record<
      string,
      { readonly happens: string; readonly lost: string; readonly words: readonly string[] }
    >;
    assert.deepEqual(Object.keys(questions).sort(), [...RECORDED].sort());
    const missing = (name: string, words: readonly string[]): string[] => {
      const first = readFileSync(goldenFile(name), "utf8").split("\n").filter(Boolean).slice(0, 10).join("\n");
      return words.filter((one) => !first.includes(one)).map((one) => `${name}: ${one}`);
    };
    const all = Object.entries(questions);
    for (const [name, { happens, lost, words }] of all) assert.ok(happens && lost && words.length > 0, name);
    assert.deepEqual(
      all.flatMap(([name, { words }]) => missing(name, words)),
      [],
    );
    assert.deepEqual(missing("none", ["deletes"]), ["none: deletes"], "the control");
  });

  it("the schema refuses another document (control)", () => {
    const document = documentOf("none");
    assert.equal(validate({ ...document, data: [{ fate: "fine" }] }), false);
    assert.equal(validate({ ...document, extra: 1 }), false);
  });
});
