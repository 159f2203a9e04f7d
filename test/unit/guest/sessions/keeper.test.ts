import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { unremoved } from "../../../../guest/sessions/remove-tree.ts";
import { claim, processStart, release, takeLeftovers, thisProcess } from "../../../../guest/sessions/state.ts";

const SEAL = join(import.meta.dirname, "../../../../guest/seal");

/** The keeper and the supervisors' own code follow one protocol: neither ever has what the other has. */
describe("the keeper beside supervisors", function () {
  this.timeout(120_000);
  let root: string;
  let running: string;
  let homes: string;
  let keeper: ChildProcess | undefined;

  before(async function () {
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip();
    if ((await execa("go", ["version"], { reject: false })).failed) this.skip();
    root = await realpath(await mkdtemp(join(tmpdir(), "cloister-keeper-")));
    running = join(root, "sessions");
    homes = join(root, "homes");
    await Promise.all([mkdir(homes), mkdir(running)]);
    await writeFile(join(root, "passwd"), "");
    await writeFile(join(root, "userdel"), "#!/bin/sh\nexit 12\n");
    await chmod(join(root, "userdel"), 0o755);
    await execa("go", ["build", "-o", join(root, "keeper"), "./cmd/keeper"], { cwd: SEAL, stdin: "ignore" });
    const options = { running, homes, records: join(root, "records"), groups: root, passwd: join(root, "passwd") };
    const args = Object.entries({ ...options, userdel: join(root, "userdel") }).flatMap(([key, at]) => [
      `--${key}`,
      at,
    ]);
    keeper = spawn(join(root, "keeper"), args, { stdio: "ignore" });
  });

  after(async () => {
    if (keeper !== undefined) {
      keeper.kill("SIGKILL");
      await once(keeper, "close");
    }
    if (root) await rm(root, { recursive: true });
  });

  async function makeHome(name: string): Promise<void> {
    await mkdir(join(homes, name, "work"), { recursive: true });
    await chown(join(homes, name), 20_001, 20_001);
  }

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 5_000; !(await is()); await sleep(5)) assert.ok(Date.now() < end, what);
  }

  const supervisor = async () => {
    const child = spawn("sleep", ["600"]);
    const pid = child.pid ?? 0;
    const end = async () => {
      child.kill("SIGKILL");
      await once(child, "close");
    };
    return { owner: { pid, started: (await processStart(pid)) ?? "", keep: false }, end };
  };

  it("cleans up what is claimed by one that is killed, and leaves what is released in order", async () => {
    for (let i = 0; i < 20; i++) {
      const { owner, end } = await supervisor();
      assert.ok((await claim(join(running, "x"), owner)).claimed);
      await makeHome("x");
      await makeHome("in-order");
      assert.ok((await claim(join(running, "in-order"), owner)).claimed);
      await release(join(running, "in-order"));
      await end();
      await until("the home of x is gone", async () => !(await readdir(homes)).includes("x"));
      // The name is free for the next one, without a failure in between.
      const next = await claim(join(running, "x"), await thisProcess(false));
      assert.ok(next.claimed);
      await release(join(running, "x"));
      assert.deepEqual(await readdir(homes), ["in-order"]);
    }
    await until("nothing is left in /run", async () => (await readdir(running)).length === 0);
    assert.deepEqual(await unremoved(join(root, "records")), []);
  });

  it("shares leftovers with runs that look for them: each has one finder", async () => {
    let mine = 0;
    for (let i = 0; i < 100; i++) {
      const owner = { ...(await thisProcess(false)), started: "1" };
      await makeHome("shared");
      // The keeper is quicker, so in two of three rounds it is held back: until this process looks, or until it has it.
      if (i % 3 > 0) keeper?.kill("SIGSTOP");
      assert.ok((await claim(join(running, "shared"), owner)).claimed);
      const looking = takeLeftovers(running);
      if (i % 3 === 1) keeper?.kill("SIGCONT");
      const found = await looking;
      keeper?.kill("SIGCONT");
      for (const { name } of found) {
        mine++;
        // It is this process's now, and nothing of it changes under its hands.
        await sleep(3);
        assert.deepEqual(await readdir(join(homes, name)), ["work"]);
        await rm(join(homes, name), { recursive: true });
        await release(join(running, name));
      }
      await until("it is over", async () => (await readdir(running)).length === 0);
      assert.ok(!(await readdir(homes)).includes("shared"));
    }
    assert.ok(mine > 0 && mine < 100, `${mine} of 100: nothing was shared`);
  });
});
