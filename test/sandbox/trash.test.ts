import assert from "node:assert/strict";
import { chown, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { MountMode } from "../../guest/sessions/request.ts";
import { buildRuntime, HostSession, requireSandbox } from "../support/sandbox.ts";

/** Whose folders are mounted: neither root's nor the session's. */
const OWNER = { uid: 42_421, gid: 42_421 };
const SEAL = join(import.meta.dirname, "../../guest/seal");

/** The deletion guard in the whole chain: other namespaces, id-mapped folders, all filters. Its own tests are in Go. */
describe("deletions in a session", function () {
  this.timeout(60_000);
  let runtime: string;
  let session: HostSession;
  let folder: string;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    await execa("go", ["build", "-buildvcs=false", "-o", `${runtime}/bin/`, "./cmd/trash"], { cwd: SEAL });
    session = await HostSession.open({ runtime });
    folder = join(session.home, "../kept");
    await mkdir(folder, { mode: 0o755 });
    const modes = ["rw", "trash"] as const;
    for (const mode of modes) await fill(mode);
    await session.beginsNow(folder);
    await session.show(modes.map((mode) => ({ source: join(folder, mode), name: mode, mode })));
  });

  async function fill(mode: MountMode) {
    const source = join(folder, mode);
    await mkdir(join(source, "sub"), { recursive: true });
    for (const name of ["file", "sub/deep"]) await writeFile(join(source, name), "old\n");
    for (const name of [".", "sub", "file", "sub/deep"]) await chown(join(source, name), OWNER.uid, OWNER.gid);
  }

  after(async () => {
    await session?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  const run = async (script: string, mode: MountMode) =>
    await session.run(["bash", "-ec", script], { cwd: join(session.home, "mnt", mode) });
  const trash = async (...args: string[]) =>
    await execa(join(runtime, "bin/trash"), [args[0] ?? "", join(folder, "trash"), ...args.slice(1)]);

  it("are refused in mode rw, and the first refusal says what to do", async () => {
    const { code, stderr } = await run("rm -rf sub file", "rw");
    assert.equal(code, 1);
    assert.equal(stderr.split("this needs mode rwd or trash").length, 2, stderr);
    assert.deepEqual(await readdir(join(folder, "rw/sub")), ["deep"]);
  });

  it("succeed for what the session made", async () => {
    const script = `git init -q r; cd r; git config user.email a@example.com; git config user.name a
      for i in 1 2 3; do echo $i >f; git add f; git commit -qm $i; done; git checkout -q HEAD~1; cd ..; rm -rf r; test ! -e r`;
    for (const mode of ["rw", "trash"] as const) {
      const { code, stderr } = await run(script, mode);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /cloister:/);
    }
  });

  it("go to a trash that is the folder's owner's, in mode trash, and come back", async () => {
    const { code, stderr } = await run("rm -r sub file; test ! -e sub", "trash");
    assert.equal(code, 0, stderr);
    const status = await stat(join(folder, "trash/.cloister-trash"));
    assert.deepEqual({ uid: status.uid, gid: status.gid, mode: status.mode & 0o7777 }, { ...OWNER, mode: 0o700 });
    const { stdout } = await trash("ls");
    assert.match(stdout, / {2}file\n.*sub\/deep$|sub\/deep\n.* {2}file$/);
    assert.equal((await run("rm -rf .cloister-trash", "trash")).code, 1);
    await trash("restore");
    assert.equal(await readFile(join(folder, "trash/sub/deep"), "utf8"), "old\n");
    assert.equal((await stat(join(folder, "trash/sub"))).uid, OWNER.uid);
    await trash("empty");
    assert.deepEqual((await readdir(join(folder, "trash"))).sort(), ["file", "sub"]);
  });

  it("fail for the session's own mounts as ever, which the guard sees from outside", async () => {
    const script = `for path in ~/mnt/rw ~/mnt/trash ~/mnt ~ /tmp /dev/shm /proc; do rmdir $path 2>&1 | sed 's/.*: //'; done`;
    const { stdout } = await run(script, "rw");
    for (const line of stdout.trim().split("\n")) assert.match(line, /busy|Read-only|denied/, stdout);
    assert.equal((await run("test -e file && test -e ../trash/file", "rw")).code, 0);
  });
});
