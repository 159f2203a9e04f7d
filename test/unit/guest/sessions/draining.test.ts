import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drainingProblem, setDraining, whyDraining } from "../../../../guest/sessions/draining.ts";

describe("a machine that stops", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-stopping-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("says why it takes no new commands, and takes them again", async () => {
    const file = join(folder, "draining");
    assert.equal(await whyDraining(file), undefined);
    await setDraining("its group ends it", file);
    assert.equal(await whyDraining(file), "its group ends it");
    assert.match(drainingProblem("its group ends it").message, /takes no new commands: its group ends it/);
    await setDraining(undefined, file);
    await setDraining(undefined, file);
    assert.equal(await whyDraining(file), undefined);
  });

  it("takes none when the word cannot be read", async () => {
    await mkdir(join(folder, "draining"));
    await assert.rejects(whyDraining(join(folder, "draining")), /EISDIR/);
  });
});
