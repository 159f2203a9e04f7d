import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../../preview/engine.ts";
import { stateMark } from "../../../preview/state-mark.ts";
import { bothOf, lookSteadily } from "../../../preview/steady.ts";

const exported = (time: string): string => JSON.stringify({ version: 3, deployment: { manifest: { time } } });

describe("a look at a stack whose state may move", () => {
  /** An engine whose exports, and marks if there are some, come one after another. */
  function engineOf(exports: readonly string[], marks?: readonly string[]) {
    const calls: string[] = [];
    const [states, left] = [[...exports], [...(marks ?? [])]];
    const engine: Engine = {
      async *lines() {},
      async text() {
        calls.push("export");
        return states.shift() ?? assert.fail("one export too many");
      },
      ...(marks ? { mark: async () => left.shift() } : {}),
    };
    const look = async (): Promise<string> => {
      calls.push("look");
      return `look ${calls.filter((call) => call === "look").length}`;
    };
    const run = async () => await lookSteadily(engine, "dev", look, () => calls.push("moved"));
    return { calls, run };
  }

  it("stands between two exports where only the engine knows the state", async () => {
    const { calls, run } = engineOf([exported("a"), exported("a")]);
    const { state, seen, hasMoved } = await run();
    assert.deepEqual({ state, seen, hasMoved }, { state: exported("a"), seen: "look 1", hasMoved: false });
    assert.deepEqual(calls, ["export", "look", "export"]);
  });

  it("is taken again, once, when the export behind it is another one", async () => {
    const moves = engineOf([exported("a"), exported("b"), exported("c")]);
    assert.equal((await moves.run()).hasMoved, true);
    assert.deepEqual(moves.calls, ["export", "look", "export", "moved", "look", "export"]);
    const settles = engineOf([exported("a"), exported("b"), exported("b")]);
    const { state, seen, hasMoved } = await settles.run();
    assert.deepEqual({ state, seen, hasMoved }, { state: exported("b"), seen: "look 2", hasMoved: false });
  });

  it("needs one export where the state has a mark", async () => {
    const { calls, run } = engineOf([exported("a")], ["1", "1"]);
    assert.equal((await run()).hasMoved, false);
    assert.deepEqual(calls, ["look", "export"]);
  });

  it("is taken again, with an export of its own, when the mark is another one", async () => {
    const settles = engineOf([exported("a"), exported("b")], ["1", "2", "2", "2"]);
    const { state, seen, hasMoved } = await settles.run();
    assert.deepEqual({ state, seen, hasMoved }, { state: exported("b"), seen: "look 2", hasMoved: false });
    const moves = engineOf([exported("a"), exported("b")], ["1", "2", "2", "3"]);
    assert.equal((await moves.run()).hasMoved, true);
  });

  it("brings both to their end when one fails", async () => {
    let ended = false;
    const slow = new Promise<void>((resolve) =>
      setTimeout(() => {
        ended = true;
        resolve();
      }, 20),
    );
    await assert.rejects(bothOf(Promise.reject(new Error("no")), slow), /^Error: no$/);
    assert.ok(ended);
  });
});

describe("the mark of a state", () => {
  let folder: string;
  const backend = (): string => `file://${folder}?metadata=skip`;
  const file = (name = "dev.json"): string => join(folder, ".pulumi", "stacks", "cloister", name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-mark-"));
    await mkdir(join(file(), ".."), { recursive: true });
    await writeFile(file(), "one");
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("stays as long as the state was not written", async () => {
    const mark = await stateMark(backend(), "dev");
    assert.ok(mark);
    await writeFile(file("staging.json"), "another stack");
    assert.equal(await stateMark(backend(), "dev"), mark);
  });

  it("is another one after each write, of the same text as well, and of two that undo each other", async () => {
    const marks = [await stateMark(backend(), "dev")];
    for (const text of ["two", "one", "one"]) {
      // As the engine does it.
      await writeFile(file("new"), text);
      await rename(file("new"), file());
      marks.push(await stateMark(backend(), "dev"));
    }
    await writeFile(file("dev.json.gz"), "one");
    marks.push(await stateMark(backend(), "dev"));
    assert.equal(new Set(marks).size, marks.length);
  });

  it("is not had of other backends, of relative ones, and of a stack that is not there", async () => {
    for (const other of ["s3://state", "https://api.pulumi.com", "file://~", "file://./state", undefined])
      assert.equal(await stateMark(other, "dev"), undefined, other);
    assert.equal(await stateMark(backend(), "prod"), undefined);
  });
});
