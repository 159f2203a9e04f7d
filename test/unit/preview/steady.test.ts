import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../../preview/engine.ts";
import { type StateFile, stateFile } from "../../../preview/state-file.ts";
import { bothOf, lookSteadily } from "../../../preview/steady.ts";

const exported = (time: string): string => JSON.stringify({ version: 3, deployment: { manifest: { time } } });

describe("a look at a stack whose state may move", () => {
  /** An engine whose exports, and marks of files if there are some, come one after another. The file's text is known or not. */
  function engineOf(exports: readonly string[], marks?: readonly string[], known = false) {
    const calls: string[] = [];
    const [states, left] = [[...exports], [...(marks ?? [])]];
    const engine: Engine = {
      async *lines() {},
      async text() {
        calls.push("export");
        return states.shift() ?? assert.fail("one export too many");
      },
      ...(marks ? { stateFile: async () => fileOf(left.shift()) } : {}),
    };
    const fileOf = (mark?: string): StateFile => ({
      mark: mark ?? assert.fail("one mark too many"),
      exported: () => (known ? exported(`file ${mark}`) : undefined),
    });
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

  it("needs no export where the state is a file, and one where the file is of a form that nobody knows", async () => {
    const known = engineOf([], ["1", "1"], true);
    const { state, hasMoved } = await known.run();
    assert.deepEqual([state, hasMoved], [exported("file 1"), false]);
    assert.deepEqual(known.calls, ["look"]);
    const unknown = engineOf([exported("a")], ["1", "1"]);
    assert.equal((await unknown.run()).state, exported("a"));
    assert.deepEqual(unknown.calls, ["look", "export"]);
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

describe("the file of a state", () => {
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

  const markOf = async (): Promise<string | undefined> => (await stateFile(backend(), "dev"))?.mark;

  it("has the same mark as long as it was not written", async () => {
    const mark = await markOf();
    assert.ok(mark);
    await writeFile(file("staging.json"), "another stack");
    assert.equal(await markOf(), mark);
  });

  it("has another mark after each write, of the same text as well, and of two that undo each other", async () => {
    const marks = [await markOf()];
    for (const text of ["two", "one", "one"]) {
      // As the engine does it.
      await writeFile(file("new"), text);
      await rename(file("new"), file());
      marks.push(await markOf());
    }
    await writeFile(file("dev.json.gz"), "one");
    marks.push(await markOf());
    assert.equal(new Set(marks).size, marks.length);
  });

  it("is read as the engine exports it", async () => {
    const latest = {
      manifest: { time: "t" },
      resources: [{ urn: "<a> & b", outputs: { secret: { ciphertext: "v1:x" } } }],
    };
    const forms = [{ version: 3 }, { version: 4, features: ["replaceWith"] }];
    for (const form of forms) {
      await writeFile(file(), JSON.stringify({ ...form, checkpoint: { stack: "organization/cloister/dev", latest } }));
      const text = (await stateFile(backend(), "dev"))?.exported();
      assert.deepEqual(JSON.parse(text ?? ""), { ...form, deployment: latest });
    }
  });

  it("is left to the engine in a form that is not known", async () => {
    const forms = [
      "no JSON",
      "null",
      '{"version":5,"checkpoint":{"latest":{}}}',
      '{"version":3,"checkpoint":{"latest":null}}',
    ];
    const known = '{"version":3,"checkpoint":{"latest":{}}}';
    for (const form of forms) {
      await writeFile(file(), form);
      const read = await stateFile(backend(), "dev");
      assert.ok(read?.mark);
      assert.equal(read.exported(), undefined, form);
    }
    await writeFile(file(), known);
    assert.ok((await stateFile(backend(), "dev"))?.exported(), "the control");
    await writeFile(file("dev.json.gz"), "packed");
    assert.equal((await stateFile(backend(), "dev"))?.exported(), undefined, "of two files the engine takes one");
  });

  it("is not had of other backends, of relative ones, and of a stack that is not there", async () => {
    const moved = [`file://${folder}?prefix=a/`, `file://${folder}/a%2Fb`];
    for (const other of ["s3://state", "https://api.pulumi.com", "file://~", "file://./state", ...moved, undefined])
      assert.equal(await stateFile(other, "dev"), undefined, other);
    assert.ok(await stateFile(`file://${folder}?no_tmp_dir=true&metadata=skip`, "dev"), "the control");
    assert.equal(await stateFile(backend(), "prod"), undefined);
  });
});
