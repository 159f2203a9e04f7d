import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execaSync } from "execa";
import { livingFilter, livingProcess } from "../../../infra/local/host/living.ts";
import { Clone } from "../../support/local/clone.ts";

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
      process.kill(-(killed.pid ?? 0), "SIGKILL");
      await killed;
      const { exitCode, all } = await one.start();
      assert.equal(exitCode, 0, all);
      assert.equal(one.machines().length, 1);
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
