import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { asUser, buildRuntime, finish, HostSession, requireSandbox, USER } from "../support/sandbox.ts";

/** Row N4: two sessions at once, of the same user even. On a machine each has a user of its own on top of it. */
describe("two sessions", function () {
  this.timeout(60_000);
  let runtime: string;
  let one: HostSession;
  let other: HostSession;
  /** Output of the first session's command. */
  let said = "";
  let running: ChildProcess;
  let control: ChildProcess;
  let segment: string | undefined;
  const mark = `76543${process.pid}`;

  before(async function () {
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    one = await HostSession.open({ name: "brave-loving-maxwell", runtime });
    other = await HostSession.open({ name: "quiet-witty-noether", runtime });
    running = await one.spawn([
      "bash",
      "-c",
      `echo secret > ~/mine; chmod 666 ~/mine; echo secret > /tmp/mine; chmod 666 /tmp/mine; echo secret > /dev/shm/mine;
       chmod 666 /dev/shm/mine; cat ~/mine /tmp/mine /dev/shm/mine;
       /usr/bin/python3 -c '
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 45679)); s.listen(); print("ready", flush=True); time.sleep(${mark})'`,
    ]);
    const { stdout } = running;
    assert.ok(stdout);
    await new Promise<void>((resolve, reject) => {
      running.once("close", () => reject(new Error(`it ended: ${said}`)));
      stdout.on("data", (chunk) => {
        said += chunk;
        if (said.includes("ready")) resolve();
      });
    });
    // The same outside: what another session would see if it were not sealed.
    control = spawn("bash", ["-c", `ipcmk -M 64 -p 666; exec -a outside-${mark} sleep 60`], {
      ...asUser,
      stdio: ["ignore", "pipe", "ignore"],
    });
    // "Shared memory id: 7"
    [segment] = /\d+/.exec(String(await once(control.stdout as NonNullable<typeof control.stdout>, "data"))) ?? [];
  });

  after(async () => {
    running?.kill("SIGKILL");
    if (control !== undefined) {
      if (segment !== undefined) await execa("ipcrm", ["-m", segment]);
      control.kill("SIGKILL");
    }
    await one?.close();
    await other?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  it("do not see each other's files", async () => {
    assert.match(said, /^secret\nsecret\nsecret\nready/, "control: the session itself sees all three");
    const { file } = await other.probe(
      `file=${one.home}/mine`,
      `file=${one.home}`,
      "file=/tmp/mine",
      "file=/dev/shm/mine",
    );
    assert.deepEqual(
      file.map(({ errno }) => errno),
      ["ENOENT", "ENOENT", "ENOENT", "ENOENT"],
    );
  });

  it("do not see each other's processes, nor the machine's", async () => {
    const { processes } = await other.probe("processes");
    assert.ok(processes.every(({ cmdline }) => !cmdline.join(" ").includes(mark)));
    assert.equal(processes.length, 5);
    const outside = await other.control("processes");
    assert.ok(outside.processes.some(({ cmdline }) => cmdline.join(" ").includes(mark)));
  });

  it("do not see each other's SysV IPC objects, nor the machine's", async () => {
    const outside = await other.control("shm");
    assert.ok(outside.shm.shm.length > 0, "control: there is one outside");
    const { shm } = await other.probe("shm");
    assert.deepEqual(shm, { shm: [], sem: [], msg: [] });
  });

  it("do not see which files others hold locked", async () => {
    // A lock of an open file (F_OFD_SETLK is 37) belongs to no process, so no process namespace hides it.
    const lock = `import fcntl, os, struct, tempfile
f = tempfile.TemporaryFile(); fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 11, 22, 0))
print(os.fstat(f.fileno()).st_ino, flush=True); input()`;
    const holder = execa("/usr/bin/python3", ["-c", lock], { stdin: "pipe" });
    try {
      const [inode] = await once(holder.stdout, "data");
      const held = new RegExp(`:${String(inode).trim()} `);
      const read = ["cat", "/proc/locks"] as const;
      assert.match((await execa("unshare", ["-Urpf", "--mount-proc", ...read])).stdout, held, "control");
      const { code, stdout } = await other.run(read);
      assert.deepEqual([code, stdout], [0, ""]);
    } finally {
      holder.stdin.end();
      await holder.catch(() => undefined);
    }
  });

  it("do not reach each other's ports, and nobody outside does", async () => {
    const { connect } = await other.probe("connect=tcp:127.0.0.1:45679");
    assert.equal(connect[0]?.errno, "ECONNREFUSED");
    assert.equal((await other.control("connect=tcp:127.0.0.1:45679")).connect[0]?.errno, "ECONNREFUSED");
  });

  it("do not reach each other's proxies, and one's token is no good at the other's", async () => {
    const { unix, file } = await other.probe(
      `unix=${one.proxy.httpSocket}`,
      `file=${one.proxy.httpSocket}`,
      "file=/run/cloister/egress",
    );
    assert.deepEqual([unix[0]?.errno, file[0]?.errno], ["EPERM", "ENOENT"]);
    assert.deepEqual(file[1]?.entries, ["http.sock", "socks.sock"]);
    assert.notEqual(one.proxy.token, other.proxy.token);
    const status = (token: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const authorization = `Basic ${Buffer.from(`srt:${token}`).toString("base64")}`;
        request(
          {
            socketPath: one.proxy.httpSocket,
            path: "http://x.example/",
            headers: { "proxy-authorization": authorization },
          },
          (response) => resolve(response.resume().statusCode),
        )
          .once("error", reject)
          .end();
      });
    assert.equal(await status(one.proxy.token), 403, "control: its own token is taken");
    assert.equal(await status(other.proxy.token), 407);
  });

  it("do not take each other's terminals: each has a number of its own", async function () {
    // Without root nothing is mounted for a session, and the kernel's limit for all is the only one.
    if (process.getuid?.() !== 0) this.skip();
    const take = (seconds: number) => `
import os, time
taken = []
try:
    while len(taken) < 5000: taken.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError: pass
print(len(taken), flush=True)
time.sleep(${seconds})`;
    const all = await other.spawn(["/usr/bin/python3", "-c", take(60)]);
    const [count] = await once(all.stdout as NonNullable<typeof all.stdout>, "data");
    try {
      assert.equal(Number(count), 512, "control: it took all that it could have");
      const script = "import os, pty; pid, fd = pty.fork(); pid or os._exit(7); print(os.waitpid(pid, 0)[1] >> 8)";
      assert.equal((await other.run(["/usr/bin/python3", "-c", script])).stdout, "7\n", "another command has its own");
      const third = await HostSession.open({ name: "calm-testing-hopper", runtime });
      try {
        assert.equal((await third.run(["/usr/bin/python3", "-c", script])).stdout, "7\n");
      } finally {
        await third.close();
      }
    } finally {
      all.kill("SIGKILL");
    }
  });

  it("cannot signal each other", async () => {
    const finished = await other.run(["bash", "-c", "kill -0 -1; kill -9 -1; true"]);
    assert.notEqual(finished.code, undefined);
    await sleep(100);
    assert.equal(running.exitCode ?? running.signalCode, null);
  });

  it("do not see each other in the list of mounts", async () => {
    const { mounts } = await other.probe("mounts");
    assert.ok(mounts.every((line) => !line.includes(one.home)));
    assert.ok(mounts.some((line) => line.includes(other.home)));
  });

  it("cannot use a set-user-ID program to become somebody else", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const path = await one.give("suid", "/usr/bin/id");
    await execa("chown", ["0:0", path]);
    await chmod(path, 0o4755);
    const outside = await finish(spawn(path, ["-u"], { ...asUser, stdio: ["ignore", "pipe", "pipe"] }));
    const inside = await one.run([path, "-u"]);
    assert.notEqual(outside.stdout, inside.stdout, "control: outside it becomes root");
    assert.equal(inside.stdout, `${USER.uid}\n`);
  });
});
