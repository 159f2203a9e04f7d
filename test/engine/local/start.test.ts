import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execaSync } from "execa";
import { livingFilter, livingProcess } from "../../../infra/local/host/living.ts";
import { Clone } from "../../support/local/clone.ts";
import { childrenOf } from "../../support/processes.ts";

/** The folder of the second clone: all that shells, patterns, addresses and encodings take for something else. */
const AWKWARD = "it's [a-z] {b} *; c? #d %20 $HOME é";

describe("npm start", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let one: Clone;
  let other: Clone;

  before(async () => {
    [one, other] = (await Promise.all([Clone.create(), Clone.create(AWKWARD)])) as [Clone, Clone];
  });
  after(async () => {
    for (const clone of [one, other]) {
      await clone.down();
      await clone.stack.dispose();
    }
  });

  it("works in two clones at once, each with its own machine", async () => {
    const runs = await Promise.all([one.start(), other.start()]);
    for (const { exitCode, all } of runs) assert.equal(exitCode, 0, all);
    assert.match(runs[0].all, /the machine is up and verified/);
    assert.equal(one.machines().length, 1);
    assert.equal(other.machines().length, 1);
    assert.notEqual(livingProcess(one.paths)?.sshPort, livingProcess(other.paths)?.sshPort);
  });

  it("leaves the machine nothing open that its caller had open", async function () {
    if (process.platform !== "linux") this.skip();
    for (const pid of [livingProcess(one.paths)?.pid, livingFilter(one.paths)]) {
      const list = execaSync("ls", ["-l", `/proc/${pid ?? assert.fail("it does not run")}/fd`]).stdout;
      assert.match(list, /socket:/, "the control: it is the list of what it has open");
      assert.doesNotMatch(list, /\/etc\/hosts/);
    }
  });

  it("changes nothing the second time, and says so", async () => {
    const before = livingProcess(one.paths)?.pid;
    const { exitCode, all } = await one.start();
    assert.equal(exitCode, 0, all);
    assert.match(all, /Nothing was changed after \d+ s/);
    assert.equal(livingProcess(one.paths)?.pid, before);
  });

  it("takes its own clone down and leaves the other alone", async () => {
    const { exitCode, all } = await one.down();
    assert.equal(exitCode, 0, all);
    assert.deepEqual(one.machines(), []);
    assert.ok(!existsSync(join(one.project, ".cloister")));
    assert.equal(other.machines().length, 1);
  });

  for (const [what, reached] of [
    ["at once", () => true],
    ["when the first resource is made", () => existsSync(one.paths.root)],
    ["when the machine runs", () => livingProcess(one.paths) !== undefined],
  ] as const) {
    it(`converges after it was killed outright ${what}`, async () => {
      const killed = one.start();
      do {
        await sleep(50);
        assert.equal(killed.exitCode, null, "it did not end before it was killed");
      } while (!reached());
      const pid = killed.pid ?? assert.fail("it did not start");
      // Pulumi has a process group of its own.
      const group = [-pid, ...childrenOf(pid)];
      for (const each of group) process.kill(each, "SIGKILL");
      await killed;
      const { exitCode, all } = await one.start();
      assert.equal(exitCode, 0, all);
      assert.equal(one.machines().length, 1);
      assert.equal((await one.down()).exitCode, 0);
      assert.deepEqual(one.machines(), []);
    });
  }

  for (const [what, to] of [
    ["a Ctrl-C", (pid: number) => process.kill(-pid, "SIGINT")],
    ["SIGTERM to it alone", (pid: number) => process.kill(pid, "SIGTERM")],
  ] as const) {
    it(`lets Pulumi end what it does at ${what}, says how to go on, and goes on`, async () => {
      const running = one.start();
      while (!existsSync(one.paths.root)) {
        assert.equal(running.exitCode, null, "it ended before it was told to");
        await sleep(50);
      }
      to(running.pid ?? assert.fail("it did not start"));
      const { exitCode, all } = await running;
      assert.equal(exitCode, 130, all);
      assert.match(all, /stopped as you asked; run npm start again to go on, or npm run down to take all down$/);
      assert.match(all, /waiting for Pulumi to stop/, "the control: it was not between two of its steps");
      assert.doesNotMatch(all, /releas|lock/i);
      const again = await one.start();
      assert.equal(again.exitCode, 0, again.all);
      // Pulumi ended by itself, and left no lock that the next run has to take.
      assert.doesNotMatch(again.all, /lock/i);
      assert.equal((await one.down()).exitCode, 0);
      assert.deepEqual(one.machines(), []);
    });
  }

  it("refuses a wrong configuration before anything is fetched or made", async () => {
    const good = await one.stack.engine.read("Pulumi.local.yaml");
    await one.stack.engine.write("Pulumi.local.yaml", good.replace("config:", "config:\n  cloister:cpsu: 4"));
    const { exitCode, all } = await one.start();
    await one.stack.engine.write("Pulumi.local.yaml", good);
    assert.equal(exitCode, 1);
    assert.match(all, /Did you mean cloister:cpus\?/);
    assert.ok(!existsSync(join(one.project, ".cloister")));
  });
});
