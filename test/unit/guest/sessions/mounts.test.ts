import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  checkMountRequests,
  checkMounts,
  closeMounts,
  parseMount,
  refuseSource,
} from "../../../../guest/sessions/mounts.ts";
import type { MountMode } from "../../../../guest/sessions/request.ts";

describe("--mount", () => {
  it("is DIR:NAME:MODE, and colons in DIR are part of it", () => {
    assert.deepEqual(parseMount("/a/b:work:rw"), { source: "/a/b", name: "work", mode: "rw" });
    assert.deepEqual(parseMount("/a:b:c:ro"), { source: "/a:b", name: "c", mode: "ro" });
  });

  it("says what to write instead", () => {
    const problem = (text: string) => {
      const parsed = parseMount(text);
      const problems = "problem" in parsed ? [parsed.problem] : checkMountRequests([parsed]);
      return problems.map(({ message }) => message).join("\n");
    };
    assert.match(problem("/a"), /write DIR:NAME:MODE, such as/);
    assert.match(problem("/a:work"), /write DIR:NAME:MODE, such as/);
    assert.match(problem("/a:work:rwx"), /there is no mode "rwx"; write ro \(read only\), rw .* or rwd/);
    assert.match(problem("/a:work:"), /there is no mode ""/);
  });
});

describe("the source of a mount", () => {
  for (const path of [
    ...["/", "/sessions", "/sessions/brave-loving-maxwell", "/sessions/brave-loving-maxwell/mnt", "/sessions/folders"],
    ...[
      "/etc",
      "/etc/ssh",
      "/proc",
      "/proc/1",
      "/run",
      "/run/cloister",
      "/sys",
      "/dev",
      "/boot",
      "/root",
      "/usr/share",
    ],
    ...["/opt/cloister", "/opt/cloister/bin", "/opt", "/var", "/var/lib/cloud", "/var/log", "/bin", "/lib"],
  ]) {
    it(`is never ${path}`, () => {
      assert.notEqual(refuseSource(path), undefined);
    });
  }

  for (const path of [
    "/sessions/folders/site",
    "/home/operator/site",
    "/srv/site",
    "/mnt/data",
    "/data",
    "/opt/site",
    "/etcetera",
  ]) {
    it(`may be ${path}`, () => {
      assert.equal(refuseSource(path), undefined);
    });
  }

  describe("on the disk", () => {
    let folder: string;

    before(async () => {
      folder = await realpath(await mkdtemp(join(tmpdir(), "cloister-mounts-")));
      await mkdir(join(folder, "site"));
      await writeFile(join(folder, "file"), "");
      await symlink("/etc", join(folder, "site/link"));
      await symlink(join(folder, "site"), join(folder, "alias"));
    });

    after(() => rm(folder, { recursive: true }));

    const check = async (source: string, name = "work", mode: string = "rw") => {
      const { mounts, problems } = await checkMounts([{ source, name, mode: mode as MountMode }]);
      await closeMounts(mounts);
      return mounts.length > 0 && problems.length === 0 ? mounts[0] : problems.map(({ message }) => message).join("\n");
    };

    it("is the folder itself: a link is refused, and where it leads is told", async () => {
      assert.match(
        String(await check(join(folder, "site/link"))),
        /\/etc belongs to the machine and is not shown to sessions \(it leads to \/etc\)$/,
      );
      const refused =
        /a part of the path is a symbolic link, which a session could change \(it leads to .*\/site\); name that folder$/;
      assert.match(String(await check(join(folder, "alias"))), refused);
      await mkdir(join(folder, "site/deep/site"), { recursive: true });
      assert.match(String(await check(join(folder, "alias/deep/site"))), refused, "a link above it");
      const found = await check(join(folder, "site"));
      assert.ok(typeof found === "object" && found.source === join(folder, "site"), "control");
      assert.deepEqual(found.owner, { uid: process.getuid?.(), gid: process.getgid?.() });
    });

    it("stays the folder that was judged, whatever is in its place afterwards", async () => {
      const source = join(folder, "flipped");
      await mkdir(source);
      await writeFile(join(source, "its-own"), "");
      const { mounts } = await checkMounts([{ source, name: "work", mode: "ro" }]);
      await rename(source, join(folder, "away"));
      await symlink("/root", source);
      const [mount] = mounts;
      assert.ok(mount !== undefined);
      assert.deepEqual(await readdir(`/proc/self/fd/${mount.folder.fd}`), ["its-own"]);
      await closeMounts(mounts);
      assert.match(String(await check(source)), /it leads to \/root/, "control: whoever looks now finds the link");
    });

    it("is never another place than the one named, however fast a session swaps it", async () => {
      const source = join(folder, "raced");
      const secret = join(folder, "secret");
      await Promise.all([mkdir(source), mkdir(secret)]);
      const swapper = spawn("bash", [
        "-c",
        'while :; do mv -T "$1" "$1.away"; ln -s "$2" "$1"; rm "$1"; mv -T "$1.away" "$1"; done 2>/dev/null',
        "bash",
        source,
        secret,
      ]);
      try {
        const seen = { taken: 0, refused: 0 };
        for (const end = Date.now() + 2000; Date.now() < end; ) {
          const { mounts, problems } = await checkMounts([{ source, name: "work", mode: "ro" }]);
          for (const mount of mounts) assert.notEqual((await mount.folder.stat()).ino, (await stat(secret)).ino);
          seen[problems.length === 0 ? "taken" : "refused"] += 1;
          await closeMounts(mounts);
        }
        assert.ok(seen.taken > 0 && seen.refused > 0, `control: both were seen: ${JSON.stringify(seen)}`);
      } finally {
        // Its last command may run on, and make what is being removed in the end: it ends by itself.
        const ended = once(swapper, "close");
        swapper.kill("SIGKILL");
        await ended;
      }
    });

    it("is resolved through .. too", async () => {
      assert.match(String(await check(`${folder}/site/../../../etc`)), /not shown to sessions/);
    });

    it("must be a folder that is there, by an absolute path", async () => {
      assert.match(String(await check(join(folder, "none"))), /there is no such folder; make it first$/);
      assert.match(String(await check(join(folder, "file"))), /not a folder; only folders can be mounted$/);
      assert.match(String(await check("site")), /must be absolute$/);
    });

    it("gets a name of one part, once", async () => {
      for (const name of ["", ".", "..", "a/b", "a b", "a%b", "x".repeat(65)]) {
        assert.match(String(await check(join(folder, "site"), name)), /cannot be a folder's name here/, name);
      }
      const twice = { source: join(folder, "site"), name: "work", mode: "ro" as const };
      const { mounts, problems } = await checkMounts([twice, twice]);
      await closeMounts(mounts);
      assert.match(problems.map(({ message }) => message).join(), /is used by another mount/);
    });

    it("has all its problems told at once", async () => {
      const { mounts, problems } = await checkMounts([
        { source: "/etc", name: "a/b", mode: "x" as MountMode },
        { source: join(folder, "none"), name: "b", mode: "ro" },
      ]);
      await closeMounts(mounts);
      assert.equal(problems.length, 4);
    });
  });
});
