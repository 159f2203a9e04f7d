import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claim, processStart, sessionPaths } from "../../../../guest/sessions/state.ts";
import { stopSession } from "../../../../guest/sessions/stop.ts";

describe("stopping a session", function () {
  this.timeout(20_000);
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-stop-test-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const paths = () => sessionPaths("calm-tu", { homes: join(root, "homes"), running: join(root, "running") });
  const supervisor = async (code: string) => {
    const child = spawn(process.execPath, ["-e", `${code}; setInterval(() => {}, 1000); console.log("ready")`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    await claim(paths().running, { pid, started: (await processStart(pid)) ?? "?", keep: true });
    return child;
  };

  it("ends its supervisor, and waits for its end", async () => {
    const child = await supervisor("");
    assert.equal(await stopSession("calm-tu", { paths: paths() }), true);
    if (child.signalCode === null && child.exitCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGTERM");
  });

  it("says that it does not end", async () => {
    const child = await supervisor('process.on("SIGTERM", () => {})');
    try {
      await assert.rejects(stopSession("calm-tu", { paths: paths(), patienceMs: 300 }), /has not ended/);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("knows a session in which nothing runs, and one that is not there", async () => {
    await assert.rejects(stopSession("calm-tu", { paths: paths() }), /there is no session calm-tu/);
    await mkdir(paths().home, { recursive: true });
    assert.equal(await stopSession("calm-tu", { paths: paths() }), false);
    // A process that has the number of a supervisor that is gone is not ended.
    await claim(paths().running, { pid: process.pid, started: "1", keep: true });
    assert.equal(await stopSession("calm-tu", { paths: paths(), kill: () => assert.fail("killed") }), false);
  });
});
