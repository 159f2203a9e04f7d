import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { livingProcess } from "../../../../../infra/local/host/living.ts";
import { rememberStart, stopMachine } from "../../../../../infra/local/host/process.ts";
import { pathsIn } from "../../../../../infra/local/paths.ts";

describe("a machine whose folder was moved", () => {
  let folder: string;
  let machine: ChildProcess;
  const at = (name: string) => pathsIn(join(folder, name));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-living-"));
    await mkdir(at("one").root);
    // Whatever carries the marker.
    machine = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", at("one").marker], { stdio: "ignore" });
    await once(machine, "spawn");
    await rememberStart(at("one"), { sshPort: 1, accelerator: "tcg", start: "a", pid: machine.pid ?? 0 });
  });
  afterEach(async () => {
    machine.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  it("is found and stopped from where the folder is now", async () => {
    assert.equal(livingProcess(at("one"))?.pid, machine.pid);
    await rename(at("one").root, at("two").root);
    assert.equal(livingProcess(at("two"))?.pid, machine.pid);
    const ended = once(machine, "exit");
    assert.equal(await stopMachine(at("two"), 0), "killed");
    await ended;
  });

  it("is not that of a copy of the folder, whether the original is still there or was moved", async () => {
    await cp(at("one").root, at("copy").root, { recursive: true });
    assert.equal(livingProcess(at("copy")), undefined);
    await rename(at("one").root, at("two").root);
    assert.equal(livingProcess(at("copy")), undefined);
    assert.equal(await stopMachine(at("copy"), 0), "was not running");
    assert.equal(livingProcess(at("two"))?.pid, machine.pid, "the control");
  });
});
