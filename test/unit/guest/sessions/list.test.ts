import assert from "node:assert/strict";
import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listSessions } from "../../../../guest/sessions/list.ts";
import { claim, release, thisProcess } from "../../../../guest/sessions/state.ts";

describe("the list of sessions", () => {
  it("has homes that are sessions' own, and who runs a command in them", async function () {
    // Homes belong to users that only root can make.
    if (process.getuid?.() !== 0) this.skip();
    const folder = await mkdtemp(join(tmpdir(), "cloister-list-"));
    const roots = { homes: join(folder, "homes"), running: join(folder, "running") };
    try {
      for (const [name, uid] of [
        ["work", 20_001],
        ["idle", 20_002],
        ["folders", 0],
        ["operators", 1000],
        ["Not A Name", 20_003],
      ] as const) {
        await mkdir(join(roots.homes, name), { recursive: true });
        await chown(join(roots.homes, name), uid, uid);
      }
      await writeFile(join(roots.homes, "file"), "");
      assert.deepEqual(
        (await listSessions(roots)).map(({ name, pid }) => [name, pid]),
        [
          ["idle", undefined],
          ["work", undefined],
        ],
      );
      assert.ok((await claim(join(roots.running, "work"), await thisProcess(true))).claimed);
      const [, work] = await listSessions(roots);
      assert.equal(work?.pid, process.pid);
      assert.match(work?.since ?? "", /^\d{4}-\d\d-\d\dT/);
      await release(join(roots.running, "work"));
      assert.equal((await listSessions(roots))[1]?.pid, undefined);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
