import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyNotReady } from "../../../../guest/verify/readiness.ts";

describe("a machine that is not ready", () => {
  let folder: string;
  let files: { wall: string; failure: string; report: string; logs: string };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ready-"));
    const at = (name: string) => join(folder, name);
    files = { wall: at("wall"), failure: at("failure"), report: at("report"), logs: at("logs") };
  });
  afterEach(() => rm(folder, { recursive: true }));
  const why = async (verifying = false, logsRequired = false) =>
    (await whyNotReady({ verifying, logsRequired }, files))?.message ?? "ready";

  it("runs the verification's sessions once it has its packet filter, and all when that has passed", async () => {
    for (const verifying of [false, true]) {
      assert.match(
        await why(verifying),
        /^this machine is not ready: its packet filter is not loaded: wait for the end/,
      );
    }
    await writeFile(files.wall, "");
    assert.equal(await why(true), "ready");
    assert.match(await why(), /its verification is not over, or was interrupted: wait/);
    await writeFile(files.report, '{"ok":true}\n');
    assert.equal(await why(), "ready");
  });

  it("runs none but those when its verification failed, or cannot be read", async () => {
    await writeFile(files.wall, "");
    for (const report of ['{"ok":false}', '{"ok":"true"}', '{"ok":true', ""]) {
      await writeFile(files.report, report);
      assert.match(await why(), /its verification failed\. Mend what cloister verify lists/, report);
      assert.equal(await why(true), "ready");
    }
  });

  it("runs none but those while its logs are not shipped, where they must be", async () => {
    await writeFile(files.wall, "");
    await writeFile(files.report, '{"ok":true}');
    assert.equal(await why(false, false), "ready");
    assert.match(await why(false, true), /logs are not shipped, which cloister:logsRequired wants: not yet/);
    await writeFile(files.logs, "no such bucket\n");
    assert.match(await why(false, true), /logsRequired wants: no such bucket/);
    assert.equal(await why(true, true), "ready");
    assert.equal(await why(false, false), "ready");
    await writeFile(files.logs, "");
    assert.equal(await why(false, true), "ready");
  });

  it("runs none but those when its boot has failed", async () => {
    await writeFile(files.wall, "");
    await writeFile(files.report, '{"ok":true}');
    await writeFile(files.failure, "no session disk\n");
    assert.match(await why(), /^this machine is not ready: no session disk\. Mend that/);
    assert.equal(await why(true), "ready");
    await rm(files.wall);
    assert.match(await why(true), /packet filter is not loaded: no session disk/);
  });
});
