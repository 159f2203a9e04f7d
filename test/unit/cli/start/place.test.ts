import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { keepsModes, type Look, placeProblems, runsPrograms, sudoHint } from "../../../../cli/start/place.ts";
import { cacheRoot } from "../../../../lib/cache-root.cjs";
import { REPOSITORY } from "../../../../rehearsal/project-copy.ts";

describe("the folders of npm start", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-place-"));
    for (const name of ["clone/.cloister/state", "cache/tools"]) mkdirSync(join(folder, name), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const place = () => ({
    project: join(folder, "clone"),
    state: join(folder, "clone/.cloister/state"),
    machine: { root: join(folder, "clone/.cloister/local") },
    cache: join(folder, "cache"),
  });
  const look = (closed: readonly string[], keepsModes = true): Look => ({
    canWrite: (one) => !closed.includes(one.slice(folder.length + 1)),
    keepsModes: () => keepsModes,
    runsPrograms: () => true,
  });

  it("will do where all can be written and keep modes, also before they are made", () => {
    assert.deepEqual(placeProblems(place()), []);
    rmSync(join(folder, "clone/.cloister"), { recursive: true });
    rmSync(join(folder, "cache"), { recursive: true });
    assert.deepEqual(placeProblems(place()), []);
  });

  it("will not do in a clone that only its owner may write", () => {
    const [said = "", ...more] = placeProblems(place(), look(["clone", "cache"]));
    assert.match(said, /clone cannot be written \(it is .*\): .* Clone the project into a folder of yours\.$/);
    assert.deepEqual(more, []);
  });

  it("will not do where an earlier run was another user's, told of state and cache at once", () => {
    const [state = "", cache = "", ...more] = placeProblems(place(), look(["clone/.cloister/state", "cache/tools"]));
    assert.match(state, /\.cloister\/state cannot be written: .*\(sudo\?\)\. Give it back: sudo chown -R /);
    assert.match(cache, /cache\/tools cannot be written: .* name a cache of yours: CLOISTER_CACHE_DIR=/);
    assert.deepEqual(more, []);
    if (process.getuid?.() !== 0) return;
    // The command is one that a shell takes, whatever the folder is called.
    const odd = join(folder, "it's");
    mkdirSync(odd);
    execaSync("chown", ["65534", odd]);
    const [told = ""] = placeProblems({ ...place(), cache: odd }, { ...look([]), canWrite: (one) => one !== odd });
    assert.match(told, /that of the user with number 65534/);
    execaSync("sh", ["-c", /sudo (chown .*'), or/.exec(told)?.[1] ?? "false"]);
    assert.equal(statSync(odd).uid, 0);
  });

  it("says nothing of modes where no folder can be made to try it, as on a full disk", () => {
    assert.equal(keepsModes(join(folder, "nothing")), true);
    assert.equal(keepsModes(folder), true, "(control)");
  });

  it("will not do where keys would be open to all", () => {
    const [said = "", ...more] = placeProblems(place(), look([], false));
    assert.match(said, /keeps no modes .*in WSL below \/home.*cloister:stateDirectory/);
    assert.deepEqual(more, []);
  });

  it("finds by trying that a file system keeps no modes", async function () {
    const shown = join(folder, "shown");
    mkdirSync(shown);
    const { failed } = await execa("bindfs", ["--chmod-ignore", "--perms=0777", place().project, shown], {
      reject: false,
    });
    // bindfs or FUSE is not here.
    if (failed) this.skip();
    try {
      const [said = ""] = placeProblems({ ...place(), machine: { root: join(shown, "state") } });
      assert.match(said, /keeps no modes/);
    } finally {
      await execa("umount", [shown], { reject: false });
    }
  });

  it("will not do where the cache's file system runs no programs", async function () {
    const { cache } = place();
    const { failed } = await execa("mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", cache], { reject: false });
    // Only root mounts.
    if (failed) this.skip();
    try {
      const [said = "", ...more] = placeProblems(place());
      assert.match(said, /cache is on a file system that runs no programs \(mounted noexec\).*CLOISTER_CACHE_DIR=/);
      assert.deepEqual(more, []);
      assert.equal(runsPrograms(join(cache, "nothing")), true, "nothing is known of a folder that cannot be tried");
    } finally {
      await execa("umount", [cache]);
    }
  });

  it("are said to become root's by who calls sudo in a folder of their own, and by no one else", () => {
    const { uid } = statSync(folder);
    assert.equal(sudoHint(folder, uid, {}), undefined);
    assert.equal(sudoHint(folder, 0, {}), undefined);
    assert.equal(sudoHint(folder, 0, { SUDO_UID: String(uid + 1) }), undefined, "another's folder");
    if (uid === 0) {
      execaSync("chown", ["65534", folder]);
      assert.match(sudoHint(folder, 0, { SUDO_UID: "65534" }) ?? "", /is root's, so cloister .* need sudo, too/);
    }
  });
});

describe("npm start without 127.0.0.1", function () {
  this.timeout(60_000);

  it("says so before anything is fetched or made, also where there is ::1", async function () {
    const start = "node lib/run-bundled.cjs cli/start/main.ts --no-session";
    for (const loopback of ["true", "ip link set lo up && ip addr del 127.0.0.1/8 dev lo"]) {
      const { exitCode, stdout, stderr } = await execa("unshare", ["--net", "sh", "-c", `${loopback} && ${start}`], {
        cwd: REPOSITORY,
        reject: false,
      });
      // Only root makes networks.
      if (/Operation not permitted|not found|ENOENT/.test(stderr)) this.skip();
      assert.equal(exitCode, 1, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, /no loopback address 127\.0\.0\.1\. Bring it up: .*ip addr add 127\.0\.0\.1\/8 dev lo/);
    }
  });
});

describe("the cache under sudo", () => {
  it("is not in the home of who called it, where root would run that user's programs", function () {
    if (process.getuid?.() !== 0) this.skip();
    const home = mkdtempSync(join(tmpdir(), "cloister-sudo-home-"));
    const roots = mkdtempSync(join(tmpdir(), "cloister-sudo-root-"));
    const ask = (env: Record<string, string>) =>
      execaSync(process.execPath, [join(REPOSITORY, "lib/run-bundled.cjs"), "cli/start/down.ts", "--help"], {
        env: { HOME: home, XDG_CACHE_HOME: "", CLOISTER_CACHE_DIR: "", ...env },
        reject: false,
      });
    try {
      execaSync("chown", ["65534", home]);
      chmodSync(home, 0o700);
      const { exitCode, stderr } = ask({ SUDO_UID: "65534" });
      assert.equal(exitCode, 1);
      assert.match(stderr, /^The cache would be in .*, which is not root's: run it without sudo, or with sudo -H$/m);
      assert.doesNotMatch(stderr, / at /, "no stack trace");
      const env = { HOME: home, SUDO_UID: "65534" };
      const link = join(roots, "link");
      symlinkSync(home, link);
      for (const elsewhere of [link, join(home, "not/made/yet"), join(link, "none")])
        assert.throws(() => cacheRoot({ ...env, XDG_CACHE_HOME: elsewhere }), /not root's/, elsewhere);
      const fresh = join(roots, "not/made/yet");
      assert.equal(cacheRoot({ ...env, XDG_CACHE_HOME: fresh }), join(fresh, "cloister"), "the control: below root's");
      assert.throws(() => cacheRoot({ ...env, XDG_CACHE_HOME: home }), /not root's/);
      assert.equal(cacheRoot({ ...env, CLOISTER_CACHE_DIR: "/a/cache" }), "/a/cache");
      assert.equal(cacheRoot({ ...env, XDG_CACHE_HOME: "/var/cache" }), "/var/cache/cloister", "the control");
    } finally {
      for (const one of [home, roots]) rmSync(one, { recursive: true, force: true });
    }
  });
});
