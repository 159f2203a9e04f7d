import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { play } from "../../../tools/demo/play.ts";
import { World } from "../../../tools/demo/world.ts";

/** Two minutes, which `npm test` has not: `npm run test:demo`. */
const isWanted = process.env["CLOISTER_TEST_DEMO"] === "1";

(isWanted ? describe : describe.skip)("the demo of a pull request (npm run demo:pr)", function () {
  this.timeout(600_000);

  it("goes from the edit to the comment, the approval and the deploy, and refuses what is stale", async () => {
    const kept = await mkdtemp(join(tmpdir(), "cloister-demo-test-"));
    const world = await World.create(() => {});
    try {
      const said: string[] = [];
      const { verdicts, comments, deploys, pages } = await play(world, kept, (line) => said.push(line));
      const wanted = [
        /deletes the disk `one-session` · looks like a rename/,
        /1 machine replaced · no data/,
        /3 updated/,
      ];
      assert.equal(verdicts.length, wanted.length);
      for (const [i, verdict] of verdicts.entries()) assert.match(verdict, wanted[i] ?? /$^/);
      assert.deepEqual(
        comments.map(({ pull }) => pull),
        [1, 2],
        "the first comment of pull request 1 was replaced",
      );
      assert.match(comments[0]?.body ?? "", /no data at risk/);
      const [deployed, refused] = deploys;
      assert.equal(deployed?.exitCode, 0);
      assert.ok((deployed?.changed ?? 0) > 0, "the control: a deploy makes calls that change something");
      assert.deepEqual([refused?.exitCode, refused?.changed], [3, 0]);
      assert.match(refused?.said ?? "", /the stack's state has moved/);
      for (const page of pages) assert.match(await readFile(page, "utf8"), /^<!doctype html>/);
      assert.equal(said.filter((line) => /^\d\. /.test(line)).length, 6);
    } finally {
      await world.dispose();
      await rm(kept, { recursive: true, force: true });
    }
  });
});
