import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ciStep } from "../../../../cli/container/ci/step.ts";

describe("a CI step's record", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-record-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A step that is refused before anything runs, since it has no engine. */
  const step = async () => {
    const said: string[] = [];
    await mkdir(join(folder, "checkout"), { recursive: true });
    const exitCode = await ciStep(
      {
        CLOISTER_CI_COMMAND: "true",
        CLOISTER_CI_FOLDER: join(folder, "checkout"),
        CLOISTER_CI_RESULTS: join(folder, "results"),
        GITHUB_OUTPUT: join(folder, "output"),
        GITHUB_STEP_SUMMARY: join(folder, "summary"),
      },
      { say: (line) => said.push(line), prepare: () => Promise.reject(new Error("no engine")) },
    );
    return { exitCode, said: said.join("\n") };
  };
  const text = (name: string) => readFile(join(folder, name), "utf8");

  it("tells the runner where the audit log is, also when a summary cannot be kept, and fails", async () => {
    await mkdir(join(folder, "summary"));
    const { exitCode, said } = await step();
    assert.notEqual(exitCode, 0);
    assert.match(said, /could not be kept: EISDIR.*summary/);
    assert.equal(await text("output"), `results=${join(folder, "results")}\nexit-code=2\n`);
    assert.match(await text("results/summary.md"), /no engine/);
  });

  it("is kept whole where it can be: the control", async () => {
    await writeFile(join(folder, "summary"), "before\n");
    const { said } = await step();
    assert.doesNotMatch(said, /could not be kept/);
    assert.match(await text("summary"), /^before\n## Sealed session: not run/);
  });

  it("is kept without a runner's file", async () => {
    await mkdir(join(folder, "output"));
    const { exitCode, said } = await step();
    assert.notEqual(exitCode, 0);
    assert.match(said, /could not be kept: EISDIR/);
    assert.match(await text("summary"), /not run/);
  });

  it("of wrong settings is the runner's alone, with all that is wrong", async () => {
    const said: string[] = [];
    const environment = {
      CLOISTER_CI_MODE: "x",
      CLOISTER_CI_RESULTS: join(folder, "results"),
      CLOISTER_CI_FOLDER: folder,
    };
    const files = { GITHUB_OUTPUT: join(folder, "output"), GITHUB_STEP_SUMMARY: join(folder, "summary") };
    const prepare = () => Promise.reject(new Error("nothing is prepared"));
    assert.equal(await ciStep({ ...environment, ...files }, { say: (line) => said.push(line), prepare }), 2);
    assert.equal(said.length, 3, said.join("\n"));
    assert.equal(await text("output"), "exit-code=2\n");
    for (const part of [/not run/, /- `CLOISTER_CI_MODE="x": write ro, rw/, /_RESULTS=/, /write either a command/])
      assert.match(await text("summary"), part);
    await assert.rejects(text("results/summary.md"));
  });

  it("is one step's at a time: a second that would keep its own in the same folder waits", async () => {
    await mkdir(join(folder, "checkout"));
    const order: string[] = [];
    let end = () => {};
    const first = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = (name: string, until: Promise<void>) =>
      ciStep(
        {
          CLOISTER_CI_COMMAND: "true",
          CLOISTER_CI_FOLDER: join(folder, "checkout"),
          CLOISTER_CI_RESULTS: join(folder, "results"),
        },
        {
          say: () => {},
          prepare: async () => {
            order.push(`${name} begins`);
            await until;
            order.push(`${name} ends`);
            throw new Error(name);
          },
        },
      );
    const one = run("one", first);
    while (order.length === 0) await setTimeout(10);
    const two = run("two", Promise.resolve());
    await setTimeout(300);
    assert.deepEqual(order, ["one begins"]);
    end();
    await Promise.all([one, two]);
    assert.deepEqual(order, ["one begins", "one ends", "two begins", "two ends"]);
    assert.deepEqual((await readdir(join(folder, "results"))).sort(), ["summary.md"]);
  });
});
