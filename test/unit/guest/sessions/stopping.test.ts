import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setStopping, stoppingProblem, whyStopping } from "../../../../guest/sessions/stopping.ts";

describe("a machine that stops", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-stopping-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("says why it takes no new commands, and takes them again", async () => {
    const file = join(folder, "stopping");
    assert.equal(await whyStopping(file), undefined);
    await setStopping("its group ends it", file);
    assert.equal(await whyStopping(file), "its group ends it");
    assert.match(stoppingProblem("its group ends it").message, /takes no new commands: its group ends it/);
    await setStopping(undefined, file);
    await setStopping(undefined, file);
    assert.equal(await whyStopping(file), undefined);
  });

  it("takes none when the word cannot be read", async () => {
    await mkdir(join(folder, "stopping"));
    await assert.rejects(whyStopping(join(folder, "stopping")), /EISDIR/);
  });
});
