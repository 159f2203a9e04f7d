import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { notReadyMessage, whyNotReady } from "../../../../guest/sessions/ready.ts";

describe("a machine that is not ready", () => {
  let folder: string;
  let files: { wall: string; failure: string };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ready-"));
    files = { wall: join(folder, "wall"), failure: join(folder, "failure") };
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("runs no session without its packet filter, not even the verification's, and runs them with it", async () => {
    for (const verifying of [false, true]) {
      assert.match((await whyNotReady(verifying, files)) ?? "", /packet filter is not loaded; is its boot over\?/);
    }
    await writeFile(files.wall, "");
    for (const verifying of [false, true]) assert.equal(await whyNotReady(verifying, files), undefined);
  });

  it("runs the verification's alone where its boot has failed", async () => {
    await writeFile(files.wall, "");
    await writeFile(files.failure, "no session disk\n");
    const why = await whyNotReady(false, files);
    assert.equal(why, "no session disk");
    assert.match(notReadyMessage(why), /^this machine is not ready: no session disk\. /);
    assert.equal(await whyNotReady(true, files), undefined);
    await rm(files.wall);
    assert.match((await whyNotReady(true, files)) ?? "", /packet filter is not loaded: no session disk/);
  });
});
