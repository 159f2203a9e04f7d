import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { asUser, buildRuntime, finish, HostSession, type Outcome, requireSandbox } from "../support/sandbox.ts";

/** Ways to a set-user-id or set-group-id file or a device, and how each ends inside. What is not named must work. */
const NO_MODE: Readonly<Record<string, string>> = {
  fchmodat: "EPERM",
  "fchmodat-group": "EPERM",
  "fchmodat-high": "EPERM",
  "fchmodat-folder": "EPERM",
  fchmodat2: "EPERM",
  fchmod: "EPERM",
  openat: "EPERM",
  "openat-high": "EPERM",
  "openat-tmpfile": "EPERM",
  "tmpfile-fchmod": "EPERM",
  openat2: "ENOSYS",
  mknodat: "EPERM",
  whiteout: "EPERM",
  "null-device": "EPERM",
  "block-device": "EPERM",
  "rename-whiteout": "EPERM",
  capability: "EPERM",
  // Calls that arm64 does not have.
  chmod: "EPERM",
  creat: "EPERM",
  open: "EPERM",
  mknod: "EPERM",
  "mknod-whiteout": "EPERM",
};

interface Modes {
  readonly modes: readonly {
    readonly ways: readonly (Outcome & { readonly way: string; readonly mode?: string; readonly type?: string })[];
  }[];
}

/** Files that a session makes have no set-user-id and no set-group-id bit, and what programs do without them. */
describe("a sealed command and the modes of files", function () {
  this.timeout(60_000);
  let runtime: string;
  let session: HostSession;

  before(async function () {
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    session = await HostSession.open({ runtime });
    // An archive, and a folder whose set-group-id bit is the operator's: made outside.
    const made = `cd '${session.home}' && mkdir set && cd set && cp /bin/true set-user && chmod 4755 set-user &&
      mkdir group && chmod 2755 group && tar -cf archive.tar set-user group && rm set-user && mkdir theirs && cd theirs &&
      cp /bin/true program && cd .. && chmod 2775 theirs`;
    await finish(spawn("bash", ["-ec", made], { ...asUser, stdio: ["ignore", "pipe", "pipe"] }));
  });

  after(async () => {
    await session?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  const script = async (text: string) => {
    const { code, stdout, stderr } = await session.run(["bash", "-c", `umask 022; mkdir -p set && cd set && ${text}`]);
    return { code, stdout, stderr: stderr.trim().split("\n")[0] ?? "" };
  };

  it("cannot make a set-user-id or set-group-id file, nor a device, by any call", async () => {
    const folder = await mkdtemp(join(session.home, "modes-"));
    await chmod(folder, 0o777);
    const [tried] = (await session.probe<Modes>(`modes=${folder}`)).modes;
    const [control] = (await session.control<Modes>(`modes=${folder}`)).modes;
    const failed = new Map(Object.entries(NO_MODE));
    for (const { way, ok, errno, mode, type } of tried?.ways ?? []) {
      assert.equal(errno, failed.get(way), way);
      assert.equal(ok, !failed.has(way), way);
      assert.ok(mode === undefined || (Number.parseInt(mode, 8) & 0o6000) === 0, `${way}: ${mode}`);
      assert.notEqual(type, "device", way);
    }
    // Outside the same calls make what they are asked for. Devices but the whiteout are root's, and so are capabilities.
    const made = new Map(control?.ways.map((way) => [way.way, way]));
    for (const way of failed.keys()) {
      const seen = made.get(way);
      if (seen === undefined || ["null-device", "block-device", "capability"].includes(way)) continue;
      assert.ok(seen.ok, `control: ${way} ended with ${seen.errno}`);
      const set = (Number.parseInt(seen.mode ?? "0", 8) & 0o6000) !== 0;
      assert.ok(set || seen.type === "device", `control: ${way} made a ${seen.type} of mode ${seen.mode}`);
    }
    assert.equal(made.size, (tried?.ways ?? []).length);
  });

  it("unpacks, copies and installs all but the bits", async () => {
    const unpacked = await script("mkdir x && tar -C x -xf archive.tar && stat -c %a x/set-user x/group");
    assert.deepEqual(unpacked, { code: 0, stdout: "755\n755\n", stderr: "" });
    assert.equal(
      (await script("cp -a x y && mv y z && install -m 755 /bin/true z/new && install -d -m 755 z/d")).code,
      0,
    );
  });

  it("says so where a program was asked to keep them", async () => {
    const refusals = {
      "mkdir p && tar -C p -xpf archive.tar": /Cannot change mode to rwsr-xr-x: Operation not permitted/,
      "install -m 4755 /bin/true q": /cannot change permissions of .q.: Operation not permitted/,
      "mkdir -m 2755 r": /cannot change permissions of .r.: Operation not permitted/,
      "git init -q --shared=group s": /Could not make .* writable by group/,
      "cp /bin/true t && chmod u+s t": /changing permissions of .t.: Operation not permitted/,
    };
    for (const [text, expected] of Object.entries(refusals)) {
      const { code, stderr } = await script(text);
      assert.match(stderr, expected, text);
      assert.notEqual(code, 0, text);
    }
  });

  it("works in a folder whose set-group-id bit is the operator's, which new folders there take over", async () => {
    const work = `cd theirs && mkdir -p a/b && echo 1 > a/b/c && chmod 600 a/b/c && cp -r a a1 && cp -r a a2 &&
      tar -cf ../a.tar a && mkdir t && tar -C t -xf ../a.tar && mv a2 t && rm -r a1 &&
      git init -q r && cd r && git config user.email a@b.example && git config user.name a && echo 1 > f && git add f &&
      git commit -qm first && git gc -q && git clone -q . ../r2 && cd .. && stat -c %a a r2`;
    assert.deepEqual(await script(work), { code: 0, stdout: "2755\n2755\n", stderr: "" });
    // What keeps such a bit asks for it, which is refused: chmod, unless it is told to give it up, and copies with all
    // modes.
    assert.match(
      (await script("cd theirs && cp -a a a3")).stderr,
      /preserving permissions .*: Operation not permitted/,
    );
    assert.match((await script("cd theirs && chmod 700 a")).stderr, /Operation not permitted/);
    assert.equal((await script("cd theirs && chmod 00700 a && stat -c %a a")).stdout, "700\n");
  });

  it("links and renames files from one folder to another, with and without a name", async () => {
    const script = `
      mkdir -p a b/c && echo 1 > a/one && ln a/one b/linked && mv a/one b/one && mv b/c a/c && mv b /tmp/b && mv /tmp/b a/c/b
      cat a/c/b/linked && /usr/bin/python3 -c '
import os
fd = os.open("a", os.O_TMPFILE | os.O_WRONLY, 0o600); os.write(fd, b"2\\n")
os.link(str(fd), "a/c/two", src_dir_fd=os.open("/proc/self/fd", os.O_RDONLY), follow_symlinks=True)' && cat a/c/two && rm -r a`;
    const ran = await session.run(["bash", "-ec", script]);
    assert.deepEqual([ran.stdout, ran.stderr], ["1\n2\n", ""]);
  });

  it("installs packages of npm and of Python", async () => {
    const npm = `mkdir -p dep app && cd dep && echo '{"name":"dep","version":"1.0.0","bin":{"dep":"x.js"}}' > package.json &&
      printf '#!/usr/bin/env node\nconsole.log(42)\n' > x.js && npm pack -s > /dev/null && cd ../app &&
      echo '{"name":"app","version":"1.0.0"}' > package.json &&
      npm install -s --offline --no-audit --no-fund ../dep/dep-1.0.0.tgz && ./node_modules/.bin/dep`;
    const installed = await session.run(["bash", "-ec", npm]);
    assert.equal(installed.stdout, "42\n", installed.stderr);
    const python = await session.run([
      "bash",
      "-ec",
      "/usr/bin/python3 -m venv --without-pip v && v/bin/python -c 'print(6 * 7)'",
    ]);
    assert.equal(python.stdout, "42\n", python.stderr);
    // A virtual environment has its own path in it, which is the same in the session's next run.
    const script =
      "printf '#!%s/v/bin/python\\nimport sys\\nprint(sys.prefix)\\n' \"$PWD\" > v/bin/tool && chmod +x v/bin/tool";
    assert.equal((await session.run(["bash", "-ec", script])).stderr, "");
    const next = await session.run(["bash", "-ec", ". v/bin/activate && tool && ./app/node_modules/.bin/dep && pwd"]);
    const [prefix = "", answer, cwd = ""] = next.stdout.split("\n");
    assert.deepEqual([prefix, answer], [`${cwd}/v`, "42"], next.stderr);
  });
});
