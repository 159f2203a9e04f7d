import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBootState, verdictOf, whyNotReady } from "../../../../guest/verify/readiness.ts";

const REPORT = {
  machine: "m",
  target: "aws",
  image: "x",
  arch: "arm64",
  runtime: "0",
  depth: "quick",
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  ok: true,
  rows: [],
};
const GOOD = JSON.stringify(REPORT);
const BAD = JSON.stringify({ ...REPORT, ok: false });

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
    await writeFile(files.report, GOOD);
    assert.equal(await why(), "ready");
  });

  it("runs none but those when its verification failed, or cannot be read", async () => {
    await writeFile(files.wall, "");
    for (const report of [BAD, '{"ok":true}', '{"ok":"true"}', GOOD.slice(0, -1), ""]) {
      await writeFile(files.report, report);
      assert.match(await why(), /its verification failed\. Mend what cloister verify lists/, report);
      assert.equal(await why(true), "ready");
    }
  });

  it("runs none but those while its logs are not shipped, where they must be", async () => {
    await writeFile(files.wall, "");
    await writeFile(files.report, GOOD);
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
    await writeFile(files.report, GOOD);
    await writeFile(files.failure, "no session disk\n");
    assert.match(await why(), /^this machine is not ready: no session disk\. Mend that/);
    assert.equal(await why(true), "ready");
    await rm(files.wall);
    assert.match(await why(true), /packet filter is not loaded: no session disk/);
  });

  it("is the same to whoever starts a command and to whoever signals the group, whatever the files hold", async () => {
    const states: Record<keyof typeof files, (string | undefined)[]> = {
      wall: [undefined, ""],
      failure: [undefined, "no session disk\n"],
      // The last is a report of another version: it has a key that this one does not know.
      report: [undefined, GOOD, BAD, "{", '{"ok":true}', JSON.stringify({ ...REPORT, more: 1 })],
      logs: [undefined, "", "no such bucket\n"],
    };
    const put = async (name: keyof typeof files, text: string | undefined) =>
      text === undefined ? await rm(files[name], { force: true }) : await writeFile(files[name], text);
    let taken = 0;
    for (const wall of states.wall)
      for (const failure of states.failure)
        for (const report of states.report)
          for (const logs of states.logs)
            for (const logsRequired of [false, true]) {
              for (const [name, text] of Object.entries({ wall, failure, report, logs }))
                await put(name as keyof typeof files, text);
              const commands = (await whyNotReady({ logsRequired }, files)) === undefined;
              const group = verdictOf(await readBootState(files), logsRequired)?.ok === true;
              // The group is told after the boot scripts, which stop with a failure where there is no packet filter.
              assert.equal(commands, group && wall !== undefined, JSON.stringify({ wall, failure, report, logs }));
              if (commands) taken += 1;
            }
    assert.equal(taken, 4, "the good report, without logs required and with them shipped");
  });
});
