import assert from "node:assert/strict";
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { MountMode } from "../../guest/sessions/request.ts";
import { asUser, buildRuntime, HostSession, requireSandbox, USER } from "../support/sandbox.ts";

/** Whose folders are mounted: neither root's nor the session's. */
const OWNER = { uid: 42_421, gid: 42_421 };

/**
 * Row N3, with the mounts of a machine. Only root can show a folder under another owner to another user; what is mounted here is
 * used by an ordinary one in a sealed session.
 */
describe("folders mounted into a session", function () {
  this.timeout(60_000);
  let runtime: string;
  let session: HostSession;
  let folder: string;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    session = await HostSession.open({ runtime });
    folder = join(session.home, "../folders");
    await mkdir(folder, { mode: 0o755 });
    const modes = ["ro", "rw", "rwd"] as const;
    for (const mode of modes) await fill(mode);
    await session.beginsNow(folder);
    await session.show(modes.map((mode) => ({ source: join(folder, mode), name: mode, mode })));
  });

  async function fill(mode: MountMode) {
    const source = join(folder, mode);
    await mkdir(join(source, "sub"), { recursive: true });
    for (const name of ["file", "private", "sub/deep"]) await writeFile(join(source, name), "old\n");
    await chmod(join(source, "private"), 0o600);
    await symlink("/etc/shadow", join(source, "link"));
    for (const name of [".", "sub", "file", "private", "sub/deep"])
      await chown(join(source, name), OWNER.uid, OWNER.gid);
  }

  after(async () => {
    await session?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  /** Runs a script in the mount; answers with which of its lines succeeded. */
  const tryAll = async (mode: MountMode, lines: readonly string[]) => {
    const script = lines.map((line) => `(${line}) >/dev/null 2>&1 && echo yes || echo no`).join("\n");
    const { stdout, stderr } = await session.run(["bash", "-c", script], { cwd: join(session.home, "mnt", mode) });
    return stdout === "" ? [stderr] : stdout.trim().split("\n");
  };

  const read = ["cat file", "cat private", "ls sub", "cat sub/deep"];
  const write = ["echo new > made", "echo more >> file", ": > file", "mkdir folder", "mv made moved", "mv moved file"];
  const remove = ["rm sub/deep", "rm -rf sub", "rmdir folder", "rm file"];
  const all = (answer: "yes" | "no", lines: readonly string[]) => lines.map(() => answer);

  it("can be read in every mode, their owner's own files too", async () => {
    for (const mode of ["ro", "rw", "rwd"] as const) assert.deepEqual(await tryAll(mode, read), all("yes", read), mode);
  });

  it("cannot be changed when ro", async () => {
    const lines = [...write.slice(0, 4), ...remove, "chmod 777 file", "touch file"];
    assert.deepEqual(await tryAll("ro", lines), all("no", lines));
    assert.equal(await readFile(join(folder, "ro/file"), "utf8"), "old\n");
  });

  it("can be written when rw, and only what the session made itself can be deleted", async () => {
    const old = ["rm sub/deep", "rm -rf sub", "rm private"];
    assert.deepEqual(await tryAll("rw", write), all("yes", write));
    assert.deepEqual(await tryAll("rw", old), all("no", old));
    const own = ["rmdir folder", "echo x > own", "rm own", "mkdir -p a/b", "touch a/b/c", "rm -r a"];
    assert.deepEqual(await tryAll("rw", own), all("yes", own));
    assert.ok((await stat(join(folder, "rw/sub/deep"))).isFile());
  });

  it("can be written and deleted in when rwd", async () => {
    assert.deepEqual(await tryAll("rwd", write), all("yes", write));
    assert.deepEqual(await tryAll("rwd", remove), all("yes", remove));
    await assert.rejects(stat(join(folder, "rwd/sub")));
  });

  it("belong to the session inside, and what it makes to the folder's owner outside", async () => {
    await tryAll("rw", ["echo x > owned"]);
    const { uid, gid } = await stat(join(folder, "rw/owned"));
    assert.deepEqual({ uid, gid }, OWNER);
    const inside = await session.run(["stat", "-c", "%u:%g", "mnt/rw/owned", "mnt/ro/file"]);
    assert.equal(inside.stdout, `${USER.uid}:${USER.gid}\n`.repeat(2));
  });

  it("cannot be moved out of, nor linked into from elsewhere", async () => {
    assert.deepEqual(await tryAll("rw", ["mv sub/deep ~/deep", "ln ~/deep hard", "mknod node c 1 3"]), [
      "no",
      "no",
      "no",
    ]);
  });

  it("keep links as links: they lead to what is there inside, not to the machine's files", async () => {
    assert.deepEqual(await tryAll("ro", ["cat link"]), ["no"]);
  });

  it("gives no set-user-ID rights", async () => {
    await tryAll("rwd", ["cp /usr/bin/id suid", "chmod 4755 suid"]);
    const { stdout } = await execa(join(session.home, "mnt/rwd/suid"), ["-u"], asUser).catch(() => ({
      stdout: "none",
    }));
    assert.notEqual(stdout, String(OWNER.uid));
  });
});
