import assert from "node:assert/strict";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { approvalText, movedSince, readApproval } from "../../../preview/deploy/approval.ts";
import { deploy } from "../../../preview/deploy/deploy.ts";
import type { Engine } from "../../../preview/engine.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { documentOf } from "../../support/preview/documents.ts";
import { readRecorded } from "../../support/preview/recorded.ts";

const BASE = "e1a9903700112233445566778899aabbccddeeff";
const based = (name: string): ChangeDocument => ({ ...documentOf(name), base: BASE });

describe("an approval", () => {
  it("stands in the comment, and is read back", () => {
    const document = based("pool-size");
    const text = approvalText(document);
    assert.ok(comment(document).text.includes(`\`${text}\``));
    assert.deepEqual(movedSince(readApproval(text), document), []);
  });

  it("is refused when it is cut, empty or names no state", () => {
    const [digest = ""] = approvalText(based("pool-size")).split(":");
    for (const text of ["", "7d0c5be1", `${digest}:`, `${digest}:9a41`, digest.toUpperCase(), `${digest} `.repeat(2)])
      assert.throws(() => readApproval(text), /is no approval/, text);
    assert.throws(() => readApproval(digest), /names no state/);
    assert.deepEqual(readApproval(digest, true), { digest });
  });

  it("tells what has moved: changes, state, base, each for itself", () => {
    const document = based("pool-size");
    const approval = readApproval(approvalText(document));
    const of = (change: Partial<ChangeDocument>): string => movedSince(approval, { ...document, ...change }).join("; ");
    assert.match(of({ digest: "0".repeat(64) }), /^the changes are others: 0{32} and not/);
    assert.match(of({ state: { sha256: "0".repeat(64), time: "" } }), /^the stack's state has moved/);
    assert.match(of({ base: "0".repeat(40) }), /^the base has moved/);
    assert.match(of({ result: "failed", complete: false }), /^the preview fails now/);
    assert.equal(of({ complete: false, doubts: ["a line was cut"] }), "a line was cut");
    assert.deepEqual(movedSince({ digest: approval.digest }, { ...document, state: { sha256: "1", time: "" } }), []);
  });

  it("of one change holds for no other recorded one", () => {
    const approval = readApproval(approvalText(documentOf("pool-size")));
    for (const other of ["ami", "user-data", "disk-grown", "zone-moved", "machines-removed"])
      assert.match(movedSince(approval, documentOf(other)).join(), /the changes are others/);
  });
});

describe("a deploy", () => {
  const recorded = readRecorded("pool-size");

  /** An engine that answers as recorded, and writes down what it is asked. */
  function engineThat(more: { exports?: string[]; up?: string[] } = {}): { engine: Engine; asked: string[] } {
    const exports = [...(more.exports ?? [])];
    const asked: string[] = [];
    const engine: Engine = {
      async *lines([command = "", ...args]) {
        asked.push([command, ...args.filter((one) => one.startsWith("--"))].join(" "));
        yield* command === "up" ? (more.up ?? []) : recorded.events.split("\n");
      },
      async text() {
        return exports.shift() ?? recorded.state;
      },
    };
    return { engine, asked };
  }
  const run = { commit: "4f2c91e0", base: BASE, at: "2026-11-27T12:00:00.000Z" };
  const options = (engine: Engine) => ({ engine, stack: "dev", base: recorded.base, head: recorded.head, run });
  const approval = readApproval(approvalText({ ...documentOf("pool-size"), base: BASE }));
  const end = (result: string, isPreview = false): string => JSON.stringify({ summaryEvent: { result, isPreview } });
  const step = JSON.stringify({
    resourcePreEvent: { metadata: { op: "update", urn: "urn:pulumi:dev::c::aws:x:Y::z" } },
  });

  it("applies with the plan of its own preview, and never without a preview", async () => {
    const { engine, asked } = engineThat({ up: [step, end("succeeded", true), step, end("succeeded")] });
    assert.equal((await deploy(options(engine), approval)).is, "deployed");
    assert.deepEqual(asked, ["preview --json --stack --save-plan", "up --yes --json --stack --plan"]);
  });

  it("does not begin when the state moves behind its preview", async () => {
    const moved = recorded.state.replace('"time": "2', '"time": "3');
    assert.ok(moved !== recorded.state, "the state is another text");
    const { engine, asked } = engineThat({ exports: [recorded.state, recorded.state, moved] });
    const { is, because } = await deploy(options(engine), approval);
    assert.equal(is, "refused");
    assert.match(because.join(), /moved while/);
    assert.ok(!asked.some((one) => one.startsWith("up")));
  });

  it("does not begin when anything is other than approved", async () => {
    for (const wrong of [{ digest: "0".repeat(32) }, { state: "0".repeat(32) }, { base: "0".repeat(12) }]) {
      const { engine, asked } = engineThat();
      assert.equal((await deploy(options(engine), { ...approval, ...wrong })).is, "refused");
      assert.ok(!asked.some((one) => one.startsWith("up")));
    }
  });

  it("does not begin where AWS would refuse on its way, though the preview succeeded and the approval is of it", async () => {
    const shrunk = readRecorded("disk-shrunk");
    const asked: string[] = [];
    const engine: Engine = {
      async *lines([command = ""]) {
        asked.push(command);
        yield* shrunk.events.split("\n");
      },
      async text([...args]) {
        asked.push(args.slice(0, 2).join(" "));
        return shrunk.state;
      },
    };
    const document = { ...documentOf("disk-shrunk"), base: BASE };
    assert.equal(document.result, "succeeded", "the engine sees nothing");
    const approved = readApproval(approvalText(document));
    const all = { engine, stack: "dev", base: shrunk.base, head: shrunk.head, run };
    const { is, because } = await deploy(all, approved);
    assert.equal(is, "refused");
    assert.match(because.join(), /AWS makes no disk smaller/);
    // A preview and exports of the state: nothing that changes.
    assert.deepEqual([...new Set(asked)].sort(), ["preview", "stack export"]);
  });

  it("is refused when the plan's preview stops, failed when the engine does so later, also by being killed", async () => {
    const error = JSON.stringify({ diagnosticEvent: { severity: "error", message: "violates plan" } });
    const is = async (...up: string[]): Promise<string> =>
      (await deploy(options(engineThat({ up }).engine), approval)).is;
    assert.equal(await is(step, error, end("failed", true)), "refused");
    assert.equal(await is(step, end("succeeded", true), step, error, end("failed")), "failed");
    assert.equal(await is(step, end("succeeded", true), step), "failed");
    assert.equal(await is(end("succeeded", true)), "refused");
  });
});
