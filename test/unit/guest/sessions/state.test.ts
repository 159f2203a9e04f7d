import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "../../../../guest/sessions/mounted.ts";
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
  });
});

describe("what is mounted below a folder", () => {
  const mountinfo = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:30 / /sessions rw - ext4 /dev/sdb rw
41 40 0:31 / /sessions/x/mnt/work rw - fuse bindfs rw
42 40 0:32 / /sessions/x/mnt/a\\040b rw - fuse bindfs rw
43 41 0:33 / /sessions/x/mnt/work/deep rw - tmpfs tmpfs rw
44 40 0:34 / /sessions/xy/mnt/work rw - fuse bindfs rw
`;

  it("is listed deepest first, and only what is below it", () => {
    assert.deepEqual(mountsBelow(mountinfo, "/sessions/x"), [
      "/sessions/x/mnt/work/deep",
      "/sessions/x/mnt/work",
      "/sessions/x/mnt/a b",
    ]);
  });
});
