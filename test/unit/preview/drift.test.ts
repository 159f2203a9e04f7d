import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { documentSchema } from "../../../preview/change-set/document.ts";
import { buildDriftDocument, hasDrifted } from "../../../preview/drift/document.ts";
import { collectRefresh } from "../../../preview/events/refresh.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { page } from "../../../preview/render/page.ts";
import { terminal } from "../../../preview/render/terminal.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { driftOf, withEvent } from "../../support/preview/drift.ts";
import { readRecorded } from "../../support/preview/recorded.ts";
import { CANARY } from "../../support/preview/worlds.ts";

const properties = (document: ReturnType<typeof driftOf>): string[] =>
  (document.drift?.found ?? []).flatMap(({ is, name, what, properties: all }) =>
    is === "changed" ? all.map(({ path }) => `${name} ${path}`) : [`${is} ${name} ${what}`.trim()],
  );

describe("drift (looks recorded from the real engine)", () => {
  it("is none right after a deploy", () => {
    const document = driftOf("none");
    assert.equal(hasDrifted(document), false);
    assert.deepEqual([document.complete, document.drift?.varies], [true, []]);
    assert.ok((document.drift?.looked ?? 0) > 50);
    assert.equal(verdictText(document), "✅ dev · no drift");
  });

  it("is none either when a schedule fired, a pool scaled, and a template got a version that says the same", () => {
    const document = driftOf("scaling");
    assert.equal(hasDrifted(document), false);
    assert.deepEqual(
      document.drift?.varies.map(({ on, path }) => `${on} ${path}`),
      [
        "Group workers desiredCapacity",
        "Group workers maxSize",
        "Group workers minSize",
        "LaunchTemplate one latestVersion",
      ],
    );
    for (const { reason } of document.drift?.varies ?? []) assert.ok(reason.length > 5);
    assert.equal(document.digest, driftOf("none").digest);
  });

  it("is a size that no schedule sets", () => {
    const higher = withEvent("scaling", "autoscaling/group:Group", (event) => {
      Object.assign(event.new?.outputs ?? {}, { maxSize: 400, desiredCapacity: 300 });
      Object.assign(event.new?.inputs ?? {}, { maxSize: 400 });
    });
    assert.deepEqual(properties(higher), ["workers maxSize"]);
  });

  it("is a tag that somebody set; AWS's own are not", () => {
    const document = driftOf("tag");
    assert.deepEqual(properties(document), ["one-session tags.owner", 'one-session tags["cloister:stack"]']);
    const own = withEvent("none", "ebs/volume:Volume", (event) => {
      const tags = { ...(event.old?.inputs["tags"] as object), "aws:dlm:lifecycle-policy-id": "policy-1" };
      Object.assign(event.new?.inputs ?? {}, { tags });
      Object.assign(event, { op: "update", detailedDiff: { "tags.aws:dlm:lifecycle-policy-id": { diffKind: "add" } } });
    });
    assert.deepEqual(properties(own), []);
    assert.deepEqual(own.drift?.varies[0]?.reason, "AWS's own tag");
  });

  it("is a rule, a right and a protection that somebody changed", () => {
    assert.deepEqual(properties(driftOf("rule")).slice(0, 2), [
      "added cloister-dev-machines rule in: tcp 22, 0.0.0.0/0",
      "added cloister-dev-machine policy: arn:aws:iam::123456789012:policy/everything",
    ]);
    assert.ok(properties(driftOf("rule")).includes("two disableApiTermination"));
  });

  it("says of data first what became of it", () => {
    assert.deepEqual(
      driftOf("unprotected").data.map(({ fate, name }) => [fate, name]),
      [["loosened", "two-session"]],
    );
    const document = driftOf("disk");
    assert.deepEqual(
      document.data.map(({ fate, name }) => [fate, name]),
      [
        ["lost", "one-session"],
        ["loosened", "two-session"],
      ],
    );
    assert.match(verdictText(document), /^🚨 dev · the disk is gone: one-session · /);
    const text = comment(document).text;
    assert.ok(text.indexOf("Data lost") < text.indexOf("**Drift: "));
    assert.ok(text.includes("describe-snapshots"));
  });

  it("knows a disk that was grown, and that it cannot shrink", () => {
    const document = withEvent("none", "ebs/volume:Volume", (event) => {
      Object.assign(event.new?.inputs ?? {}, { size: 40 });
      Object.assign(event, { op: "update", detailedDiff: { size: { diffKind: "update" } } });
    });
    assert.equal(document.data[0]?.fate, "refused-by-aws");
    assert.match(document.data[0]?.why ?? "", /from 10 GiB to 40 GiB/);
  });

  it("ignores outputs that AWS computes, and another notation of JSON", () => {
    const times = withEvent("none", "ebs/volume:Volume", (event) => {
      Object.assign(event.new?.outputs ?? {}, { createTime: "2026-11-28T00:00:00Z", arn: "arn:aws:x" });
    });
    assert.equal(hasDrifted(times), false);
    const json = withEvent("none", "cloudwatch/dashboard:Dashboard", (event) => {
      const body = JSON.parse(String(event.new?.inputs["dashboardBody"])) as object;
      Object.assign(event.new?.inputs ?? {}, { dashboardBody: JSON.stringify(body, undefined, 2) });
      Object.assign(event, { op: "update", detailedDiff: { dashboardBody: { diffKind: "update" } } });
    });
    assert.equal(hasDrifted(json), false);
  });

  it("shows no credential that somebody wrote into the account, nor a value that is secret to the engine", () => {
    const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
    const marked = withEvent("disk", "kms/key:Key", (event) => {
      for (const one of [event.old, event.new]) Object.assign(one?.inputs ?? {}, { description: secret });
      Object.assign(event, { op: "update", detailedDiff: { description: { diffKind: "update" } } });
    });
    assert.ok(properties(marked).some((one) => one.endsWith(" description")));
    for (const document of [driftOf("tag"), driftOf("rule"), marked]) {
      for (const text of [
        JSON.stringify(document),
        comment(document).text,
        page(document),
        terminal(document, { width: 400 }),
      ]) {
        assert.ok(!text.includes(CANARY) && !text.includes(CANARY.slice(4, 24)));
      }
    }
    // Control: the account has it.
    assert.ok(readRecorded("drift-tag").events.includes(CANARY));
  });

  it("is not known, and never none, when the look was cut", () => {
    const { events, state, head: config } = readRecorded("drift-disk");
    const lines = events.split("\n");
    const cuts = [
      lines.slice(0, 90),
      lines.filter((line) => !line.includes('"op":"delete"')),
      lines.map((line) => line.replace('"result":"succeeded"', '"result":"failed"')),
      lines.map((line, i) => (i === 100 ? line.slice(0, 200) : line)),
    ];
    for (const cut of cuts) {
      const refreshed = collectRefresh(cut.join("\n"));
      const document = buildDriftDocument({ stack: "dev", refreshed, state, config });
      assert.equal(document.complete, false);
      assert.doesNotMatch(verdictText(document), /no drift/);
    }
  });

  it("has one digest, whatever the order of events", () => {
    const { events, state, head: config } = readRecorded("drift-disk");
    const refreshed = collectRefresh(events.split("\n").reverse().join("\n"));
    const document = buildDriftDocument({ stack: "dev", refreshed, state, config });
    assert.equal(document.digest, driftOf("disk").digest);
    assert.notEqual(document.digest, driftOf("rule").digest);
  });

  it("is a document by the published schema, and shown in every view", () => {
    for (const name of ["none", "scaling", "tag", "rule", "unprotected", "disk"]) {
      const document = driftOf(name);
      documentSchema.parse(document);
      const { text, level } = comment(document);
      assert.equal(level, 0);
      assert.match(text, /^<!-- cloister:drift v1 stack=dev /);
      assert.doesNotMatch(text, /approve/i);
      for (const view of [page(document), terminal(document)])
        assert.ok(view.includes(verdictText(document).slice(4, 20)));
    }
    const schema = readFileSync(new URL("../../../preview/change-set/schema.json", import.meta.url), "utf8");
    assert.ok(schema.includes('"varies"'));
  });
});
