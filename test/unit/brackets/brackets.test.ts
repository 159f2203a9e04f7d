import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type Outcome, runOn } from "../../brackets/run.ts";
import { bracketTable } from "../../brackets/table.ts";
import { PROGRAMS, VERSIONS, versionsOf } from "../../brackets/versions.ts";

const OUTCOME: Outcome = {
  image: "debian-11-stand-in",
  ok: true,
  passed: 3,
  failed: 0,
  seconds: 7,
  versions: { systemd: "247" },
  left: [],
};

describe("the brackets' versions", () => {
  it("are the first number that each program tells", () => {
    const said = [
      "system\tDebian GNU/Linux 11 (bullseye)",
      "kernel\t6.1.0-50-cloud-amd64",
      "systemd\tsystemd 247 (247.3-7+deb11u5)",
      "util-linux\tmount from util-linux 2.36.1 (libmount 2.36.1: selinux, smack)",
      "nft\tnftables v0.9.8 (E.D.S.)",
      "e2fsprogs\tmke2fs 1.46.2 (28-Feb-2021)",
      "cloud-init\t/usr/bin/cloud-init 20.4.1",
      "python\tPython 3.9.2",
      "coreutils\tcp (GNU coreutils) 8.32",
      "openssh\tOpenSSH_8.4p1 Debian-5+deb11u3, OpenSSL 1.1.1w",
      "libc\tldd (Debian GLIBC 2.31-13+deb11u11) 2.31",
      "bubblewrap\tbubblewrap 0.8.0",
    ];
    assert.deepEqual(Object.values(versionsOf(said.join("\n"))), [
      "Debian GNU/Linux 11 (bullseye)",
      ...[
        "6.1.0-50-cloud-amd64",
        "247.3-7+deb11u5",
        "2.36.1",
        "0.9.8",
        "1.46.2",
        "20.4.1",
        "3.9.2",
        "8.32",
        "8.4p1",
        "2.31-13+deb11u11",
        "0.8.0",
      ],
    ]);
  });

  it("are missing of programs that are not there", () => {
    assert.deepEqual(versionsOf("systemd\t\nnft\tsh: 1: nft: not found\n"), {});
    assert.deepEqual(versionsOf("nft\tnftables v1.0.6"), { nft: "1.0.6" });
  });

  it("are asked by a script that has one line for each program", async () => {
    const { stdout } = await execa("sh", ["-c", VERSIONS], { reject: false });
    assert.deepEqual(
      stdout.split("\n").map((line) => line.split("\t")[0]),
      PROGRAMS,
    );
  });
});

describe("a bracket's run", () => {
  const never = new AbortController().signal;
  const node = (script: string) => [process.execPath, "--import", "tsx", "--input-type=module", "--eval", script];
  const run = (script: string, stopped = never) =>
    runOn("debian-12-stand-in", { stopped, print: () => {}, command: node(script) });
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("cloister-bracket-"));

  it("tells the image, counts tests, and reads the versions", async () => {
    const before = folders();
    const outcome = await run(`
      import { writeFileSync } from "node:fs";
      const { CLOISTER_TEST_VERSIONS, CLOISTER_TEST_BASE_IMAGE } = process.env;
      writeFileSync(CLOISTER_TEST_VERSIONS, JSON.stringify({ system: CLOISTER_TEST_BASE_IMAGE }));
      console.log("  4 passing (3s)\\n");`);
    const { ok, passed, failed, versions, left } = outcome;
    assert.deepEqual(
      { ok, passed, failed, versions, left },
      { ok: true, passed: 4, failed: 0, versions: { system: "debian-12-stand-in" }, left: [] },
    );
    assert.deepEqual(folders(), before);
  });

  it("has failed where a test did, where none ran, and where the runner ended otherwise", async () => {
    assert.equal((await run('console.log("  4 passing (3s)\\n  1 failing"); process.exitCode = 1')).failed, 1);
    assert.equal((await run('console.log("  0 passing (3s)")')).ok, false);
    assert.equal((await run('console.log("  4 passing (3s)"); process.kill(process.pid, "SIGKILL")')).ok, false);
  });

  it("ends the machine that its tests left, and nothing else", async function () {
    if (process.platform !== "linux") this.skip();
    // Two processes of the same kind: one bears the mark of the machine whose state is in the folder.
    const outcome = await run(`
      import { spawn } from "node:child_process";
      import { mkdirSync, writeFileSync } from "node:fs";
      import { join } from "node:path";
      const { pathsIn } = await import(${JSON.stringify(join(import.meta.dirname, "../../../infra/local/paths.ts"))});
      const paths = pathsIn(join(process.env.TMPDIR, "cloister-vm-1/project/.cloister/local"));
      mkdirSync(paths.root, { recursive: true });
      const sleeper = (mark) => {
        const child = spawn("sh", ["-c", "sleep 60; :", mark], { detached: true, stdio: "ignore" });
        child.unref();
        return child.pid;
      };
      const other = sleeper("another");
      const pid = sleeper(paths.marker);
      mkdirSync(join(paths.process, ".."), { recursive: true });
      writeFileSync(paths.process, JSON.stringify({ sshPort: 1, accelerator: "tcg", pid }));
      writeFileSync(process.env.CLOISTER_TEST_VERSIONS, JSON.stringify({ pid, other }));
      console.log("  4 passing (3s)");`);
    const pid = Number(outcome.versions["pid"]);
    const other = Number(outcome.versions["other"]);
    try {
      assert.deepEqual(outcome.left, [pid]);
      assert.equal(outcome.ok, false);
      assert.ok(existsSync(`/proc/${other}`), "the control");
    } finally {
      if (Number.isInteger(other) && other > 1) process.kill(-other, "SIGKILL");
    }
  });
});

describe("the brackets' table", () => {
  it("has a column for each image, and what they bracket", () => {
    const text = bracketTable([OUTCOME, { ...OUTCOME, image: "debian-12-stand-in", ok: false, failed: 2 }]);
    assert.match(text, /debian-11-stand-in .*debian-12-stand-in .*to be bracketed/);
    assert.match(text, /result .*ok .*FAILED/);
    assert.match(text, /3 passed, 2 failed/);
    assert.match(text, /systemd .*247 .*247 .*249/);
    assert.match(text, /nft .*not told .*1\.0\.2/);
  });
});
