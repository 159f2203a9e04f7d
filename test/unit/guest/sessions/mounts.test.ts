import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MountMode } from "../../../../guest/run-types.ts";
import { bindfsArguments, checkMounts, parseMount, refuseSource } from "../../../../guest/sessions/mounts.ts";

describe("--mount", () => {
  it("is DIR:NAME:MODE, and colons in DIR are part of it", () => {
    assert.deepEqual(parseMount("/a/b:work:rw"), { source: "/a/b", name: "work", mode: "rw" });
    assert.deepEqual(parseMount("/a:b:c:ro"), { source: "/a:b", name: "c", mode: "ro" });
  });

  it("says what to write instead", () => {
    const problem = (text: string) => {
      const parsed = parseMount(text);
      return "problem" in parsed ? parsed.problem : "";
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
      return mounts.length > 0 && problems.length === 0 ? mounts[0] : problems.join("\n");
    };

    it("is resolved before it is judged", async () => {
      assert.match(
        String(await check(join(folder, "site/link"))),
        /\/etc belongs to the machine and is not shown to sessions \(it leads to \/etc\)$/,
      );
      const found = await check(join(folder, "alias"));
      assert.ok(typeof found === "object" && found.source === join(folder, "site"));
      assert.deepEqual(found.owner, { uid: process.getuid?.(), gid: process.getgid?.() });
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
      assert.match((await checkMounts([twice, twice])).problems.join(), /is used by another mount/);
    });

    it("has all its problems told at once", async () => {
      const { problems } = await checkMounts([
        { source: "/etc", name: "a/b", mode: "x" as MountMode },
        { source: join(folder, "none"), name: "b", mode: "ro" },
      ]);
      assert.equal(problems.length, 4);
    });
  });
});

describe("bindfs's line", () => {
  const line = (mode: MountMode) =>
    bindfsArguments(
      { name: "work", mode, source: "/srv/site", owner: { uid: 1000, gid: 1001 } },
      { uid: 20_017, gid: 20_018 },
      "/sessions/x/mnt/work",
    ).join(" ");

  it("maps owners both ways", () => {
    assert.match(line("rwd"), /--force-user=20017 --force-group=20018 --create-for-user=1000 --create-for-group=1001/);
    assert.match(line("rwd"), /nosuid,nodev.* \/srv\/site \/sessions\/x\/mnt\/work$/);
  });

  it("is read-only for ro, without deleting for rw, and neither for rwd", () => {
    assert.match(line("ro"), /-o [^ ]*,ro /);
    assert.match(line("rw"), /--delete-deny/);
    assert.doesNotMatch(line("rw"), /,ro /);
    assert.doesNotMatch(line("rwd"), /--delete-deny|,ro /);
  });
});
