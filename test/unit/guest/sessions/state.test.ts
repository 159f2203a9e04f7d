import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  claim,
  countRunning,
  processStart,
  release,
  takeLeftovers,
  thisProcess,
} from "../../../../guest/sessions/state.ts";

describe("who runs a session", () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-state-"));
  });

  afterEach(() => rm(root, { recursive: true }));

  it("is one process at a time", async () => {
    const owner = await thisProcess(false);
    const folder = join(root, "x");
    const claims = await Promise.all(Array.from({ length: 10 }, () => claim(folder, owner)));
    assert.equal(claims.filter(({ claimed }) => claimed).length, 1);
    const again = await claim(folder, owner);
    assert.ok(!again.claimed && again.owner?.pid === process.pid);
    await release(folder);
    assert.ok((await claim(folder, owner)).claimed);
  });

  it("is known by number and start, so that a reused number is somebody else", async () => {
    const owner = await thisProcess(false);
    assert.match(owner.started, /^\d+$/);
    await claim(join(root, "x"), owner);
    assert.deepEqual(await takeLeftovers(root), []);
    await claim(join(root, "y"), { ...owner, started: "1" });
    assert.deepEqual(await takeLeftovers(root), [{ name: "y", keep: false }]);
  });

  it("is nobody after its process was killed; what is left goes to exactly one finder", async () => {
    const child = spawn("sleep", ["60"]);
    const started = (await processStart(child.pid ?? 0)) ?? "";
    await claim(join(root, "x"), { pid: child.pid ?? 0, started, keep: true });
    assert.deepEqual(await takeLeftovers(root), []);
    child.kill("SIGKILL");
    await once(child, "close");
    const found = await Promise.all(Array.from({ length: 10 }, () => takeLeftovers(root)));
    assert.deepEqual(found.flat(), [{ name: "x", keep: true }]);
  });

  it("counts while it lives, and while its session is being made, and not for ever", async () => {
    assert.equal(await countRunning(join(root, "none")), 0);
    const owner = await thisProcess(false);
    await claim(join(root, "lives"), owner);
    await claim(join(root, "gone"), { ...owner, started: "1" });
    assert.equal(await countRunning(root), 1);
    await mkdir(join(root, "being-made"));
    assert.equal(await countRunning(root), 2);
    const past = new Date(Date.now() - 60_000);
    await utimes(join(root, "being-made"), past, past);
    assert.equal(await countRunning(root), 1);
    await release(join(root, "lives"));
    assert.equal(await countRunning(root), 0);
  });

  it("is waited for while it is just being written down, and not for ever", async () => {
    await mkdir(join(root, "x"));
    assert.deepEqual(await takeLeftovers(root), []);
    await writeFile(join(root, "x/owner.json"), "{");
    await utimes(join(root, "x"), new Date(), new Date(Date.now() - 60_000));
    assert.deepEqual(await takeLeftovers(root), [{ name: "x", keep: true }]);
    assert.deepEqual(await takeLeftovers(root), []);
  });

  it("goes to exactly one finder also where nothing is known of it", async () => {
    await mkdir(join(root, "x"));
    await utimes(join(root, "x"), new Date(), new Date(Date.now() - 60_000));
    const found = await Promise.all(Array.from({ length: 10 }, () => takeLeftovers(root)));
    assert.deepEqual(found.flat(), [{ name: "x", keep: true }]);
  });

  it("is whoever cleans up, however long that takes, and the next one when that one dies too", async () => {
    await claim(join(root, "x"), { ...(await thisProcess(false)), started: "1" });
    assert.deepEqual(await takeLeftovers(root), [{ name: "x", keep: false }]);
    await utimes(join(root, "x"), new Date(), new Date(Date.now() - 60_000));
    assert.deepEqual(await takeLeftovers(root), []);
    assert.equal(await countRunning(root), 1);
    // It died: its start is another's now.
    const [held = ""] = await readdir(join(root, "x"));
    await rename(join(root, "x", held), join(root, "x", `owner.json.${process.pid}.1`));
    assert.deepEqual(await takeLeftovers(root), [{ name: "x", keep: false }]);
  });

  it("is nobody when its process has ended and was not waited for", async () => {
    // The shell becomes a program that never asks for its child.
    const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 60"]);
    const [pid] = await once(parent.stdout, "data");
    assert.match((await processStart(Number(pid))) ?? "", /^\d+$/);
    for (let i = 0; i < 100 && (await processStart(Number(pid))) !== undefined; i++) await sleep(20);
    assert.match(await readFile(`/proc/${Number(pid)}/stat`, "utf8"), /\) Z /);
    assert.equal(await processStart(Number(pid)), undefined);
    parent.kill("SIGKILL");
  });

  it("waits for somebody who cleans up under its name, and not for a session", async () => {
    const owner = await thisProcess(false);
    await claim(join(root, "x"), { ...owner, started: "1" });
    assert.deepEqual(await claim(join(root, "x"), owner, 0), { claimed: false });
    assert.equal((await takeLeftovers(root)).length, 1);
    assert.deepEqual(await claim(join(root, "x"), owner, 0), { claimed: false });
    const [claimed] = await Promise.all([
      claim(join(root, "x"), owner),
      sleep(100).then(() => release(join(root, "x"))),
    ]);
    assert.ok(claimed.claimed);
    const before = Date.now();
    assert.ok(!(await claim(join(root, "x"), owner)).claimed);
    assert.ok(Date.now() - before < 1000);
  });

  it("is one at a time, however often a name is claimed, left and cleaned up", async () => {
    const owner = await thisProcess(false);
    const folder = join(root, "x");
    let holders = 0;
    let rounds = 0;
    const run = async (left: boolean) => {
      for (const end = Date.now() + 1000; Date.now() < end; ) {
        if ((await claim(folder, left ? { ...owner, started: "1" } : owner, 0)).claimed) {
          // Left behind: the one below finds it.
          if (left) continue;
        } else if (!left || (await takeLeftovers(root)).length === 0) continue;
        assert.equal(++holders, 1);
        rounds++;
        await writeFile(join(folder, "passwd"), "");
        await mkdir(join(folder, "egress"));
        await writeFile(join(folder, "egress/sock"), "");
        holders--;
        await release(folder);
      }
    };
    await Promise.all([run(false), run(false), run(true), run(true)]);
    assert.ok(rounds > 10);
    for (const { name } of await takeLeftovers(root)) await release(join(root, name));
    assert.deepEqual(await readdir(root), []);
  });

  it("leaves nothing when it is killed while it claims or releases", async () => {
    const { pid, started } = await thisProcess(false);
    for (const name of [`.new.${pid}.1.1`, `.gone.${pid}.1.2`, `.gone.${pid}.${started}.3`]) {
      await mkdir(join(root, name, "egress"), { recursive: true });
      await writeFile(join(root, name, "egress/sock"), "");
    }
    assert.deepEqual(await takeLeftovers(root), []);
    assert.deepEqual(await readdir(root), [`.gone.${pid}.${started}.3`]);
    assert.equal(await countRunning(root), 0);
  });
});
