import assert from "node:assert/strict";
import { chmod, chown, copyFile, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { MountMode } from "../../guest/sessions/request.ts";
import { buildRuntime, HostSession, requireSandbox } from "../support/sandbox.ts";

/** Whose folders are shown: neither root's nor the session's. */
const OWNER = { uid: 42_421, gid: 42_421 };

/**
 * What a session can arrange in folders that it shares with another session, or sees in two mounts: with a file system of root's between
 * it and the disk this read and wrote files of root's.
 */
describe("folders that two sessions have", function () {
  this.timeout(120_000);
  let runtime: string;
  let one: HostSession;
  let other: HostSession;
  let folder: string;
  let shared: string;
  let canary: string;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    folder = await mkdtemp(join(tmpdir(), "cloister-shared-"));
    await chmod(folder, 0o755);
    shared = join(folder, "shared");
    canary = join(folder, "canary");
    await mkdir(join(shared, "out"), { recursive: true });
    await mkdir(canary);
    await writeFile(join(canary, "file"), "root's own\n", { mode: 0o600 });
    for (const path of [shared, join(shared, "out")]) await chown(path, OWNER.uid, OWNER.gid);
    one = await HostSession.open({ runtime, name: "brave-loving-maxwell" });
    other = await HostSession.open({ runtime, name: "quiet-witty-noether" });
    await show(one, [`${shared}:p:ro`, `${shared}/out:out:rwd`, `${shared}:all:rwd`]);
    await show(other, [`${shared}:p:rwd`]);
  });

  async function show(session: HostSession, texts: readonly string[]): Promise<void> {
    const requests = texts.map((text) => {
      const [source = "", name = "", mode = ""] = text.split(":");
      return { source, name, mode: mode as MountMode };
    });
    await session.show(requests);
  }

  const until = async (path: string) => {
    for (const end = Date.now() + 10_000; Date.now() < end; ) {
      if (await stat(path).catch(() => undefined)) return;
    }
    throw new Error(`${path} did not come`);
  };

  after(async () => {
    await one?.close();
    await other?.close();
    for (const path of [runtime, folder]) if (path !== undefined) await rm(path, { recursive: true, force: true });
  });

  it("lead nowhere else: a folder replaced by a link through one mount is the session's own view through the other", async () => {
    // The kernel trusts a name it has just looked at for a second: then the folder becomes a link.
    const script = `
      mkdir mnt/out/d; echo inside > mnt/out/d/file; cat mnt/p/out/d/file; stat mnt/p/out/d > /dev/null
      rm -r mnt/out/d; ln -s ${canary} mnt/out/d
      cat mnt/p/out/d/file; echo overwritten > mnt/out/d/file; ls mnt/p/out/d/`;
    const { stdout, stderr } = await one.run(["bash", "-c", script]);
    assert.equal(stdout, "inside\n", "control: what is in the folder is read through the other mount");
    assert.match(stderr, /No such file or directory/);
    assert.equal(await readFile(join(canary, "file"), "utf8"), "root's own\n");
    await rm(join(shared, "out/d"), { force: true });
  });

  it("lead nowhere else however fast they are swapped between two sessions", async () => {
    const swap = `for i in $(seq 400); do mkdir mnt/p/d 2>/dev/null; rmdir mnt/p/d; ln -s ${canary} mnt/p/d; rm mnt/p/d; done`;
    const read =
      "for i in $(seq 400); do cat mnt/p/d/file mnt/all/d/file; echo x > mnt/all/d/file; done 2>/dev/null; echo read";
    const [, { stdout }] = await Promise.all([other.run(["bash", "-c", swap]), one.run(["bash", "-c", read])]);
    // What the reader itself wrote into the folder, while it was one, it may read.
    assert.match(stdout, /^(x\n)*read\n$/);
    assert.equal(await readFile(join(canary, "file"), "utf8"), "root's own\n");
  });

  it("have one view of a file: locks hold between sessions, and for the operator", async () => {
    await writeFile(join(shared, "lock"), "");
    await chown(join(shared, "lock"), OWNER.uid, OWNER.gid);
    const hold = one.run([
      "bash",
      "-c",
      "exec 9< mnt/all/lock; flock -x 9; echo > mnt/all/held; read -rt 5 <> <(:); true",
    ]);
    await until(join(shared, "held"));
    const [second, operator] = await Promise.all([
      other.run(["flock", "-n", "mnt/p/lock", "true"]),
      execa("flock", ["-n", join(shared, "lock"), "true"], { reject: false }),
    ]);
    assert.deepEqual([second.code, operator.exitCode], [1, 1], "both are refused while the first has it");
    await hold;
    assert.equal((await other.run(["flock", "-n", "mnt/p/lock", "true"])).code, 0, "control: it can be had");
  });

  it("keep nobody waiting: no lease on a file of the operator's, whatever the mode", async () => {
    await writeFile(join(shared, "leased"), "");
    await chown(join(shared, "leased"), OWNER.uid, OWNER.gid);
    const lease = (path: string) => `
import errno, fcntl, os
for kind, flags in ((fcntl.F_RDLCK, os.O_RDONLY), (fcntl.F_WRLCK, os.O_RDWR)):
    try:
        file = os.open("${path}", flags)
        fcntl.fcntl(file, 1024, kind)
        print("ok")
        os.close(file)
    except OSError as e: print(errno.errorcode[e.errno])`;
    const inside = await Promise.all(
      ["mnt/p/leased", "mnt/all/leased"].map((path) => one.run(["/usr/bin/python3", "-c", lease(path)])),
    );
    assert.deepEqual(
      inside.map(({ stdout }) => stdout),
      ["EINVAL\nEROFS\n", "EINVAL\nEINVAL\n"],
    );
    const outside = await execa("/usr/bin/python3", ["-c", lease(join(shared, "leased"))], OWNER);
    assert.equal(outside.stdout, "ok\nok", "control: its owner has both outside");
  });

  it("do keep a writer from a file that a session executes, as long as it does: a known gap", async () => {
    const program = join(shared, "program");
    await copyFile("/bin/sleep", program);
    await chown(program, OWNER.uid, OWNER.gid);
    const write = async () =>
      await execa("/usr/bin/python3", ["-c", `open(${JSON.stringify(program)}, "ab")`], { ...OWNER, reject: false });
    const executing = one.run(["bash", "-c", "mnt/p/program 4 & echo > mnt/all/executes; wait"]);
    await until(join(shared, "executes"));
    // The shell's child may not have come to the program yet.
    let stderr = "";
    for (const end = Date.now() + 3000; stderr === "" && Date.now() < end; ) ({ stderr } = await write());
    assert.match(stderr, /Text file busy/);
    assert.equal((await executing).code, 0);
    assert.deepEqual([(await write()).exitCode, (await other.run(["mnt/p/program", "0"])).code], [0, 0], "the control");
  });

  for (const mode of ["DELETE", "WAL"]) {
    it(`keep every row of two writers of SQLite (${mode})`, async () => {
      const writer = (mount: string, who: string) => `
import sqlite3
c = sqlite3.connect("mnt/${mount}/rows-${mode}.db", timeout=60, isolation_level=None)
c.execute("PRAGMA journal_mode=${mode}"); c.execute("CREATE TABLE IF NOT EXISTS rows (who, n)")
for n in range(60):
    c.execute("BEGIN IMMEDIATE"); c.execute("INSERT INTO rows VALUES (?, ?)", ("${who}", n)); c.execute("COMMIT")
`;
      const ran = await Promise.all([
        one.run(["/usr/bin/python3", "-c", writer("all", "one")]),
        other.run(["/usr/bin/python3", "-c", writer("p", "other")]),
      ]);
      assert.deepEqual(
        ran.map(({ code, stderr }) => [code, stderr]),
        [
          [0, ""],
          [0, ""],
        ],
      );
      const count = `import sqlite3; print(sqlite3.connect("${shared}/rows-${mode}.db").execute("SELECT count(*) FROM rows").fetchone()[0])`;
      assert.equal((await execa("/usr/bin/python3", ["-c", count])).stdout, "120");
    });
  }

  it("keep the operator's other users' files theirs", async () => {
    await writeFile(join(shared, "roots"), "root's\n", { mode: 0o600 });
    const { stdout } = await one.run([
      "bash",
      "-c",
      "stat -c %u mnt/all/roots; cat mnt/all/roots 2>/dev/null || echo no",
    ]);
    assert.equal(stdout, "65534\nno\n");
    await link(join(shared, "roots"), join(shared, "roots-again"));
    assert.equal(await readFile(join(shared, "roots-again"), "utf8"), "root's\n", "control: outside it is read");
  });

  it("are mounted nowhere but in the session: nothing of them is in the machine's mounts", async () => {
    const running = one.spawn(["bash", "-c", "echo up > mnt/all/up; read -rt 2 <> <(:); true"]);
    const child = await running;
    // Killed before, bubblewrap would leave a child that waits for it: on a machine its control group ends that.
    await until(join(shared, "up"));
    const { stdout: inside } = await one.run(["grep", "-c", "idmapped", "/proc/self/mountinfo"]);
    assert.equal(inside, "3\n", "control: inside they are");
    assert.doesNotMatch(await readFile("/proc/self/mountinfo", "utf8"), /idmapped/);
    child.kill("SIGKILL");
    assert.ok((await readdir(shared)).includes("out"));
  });
});
