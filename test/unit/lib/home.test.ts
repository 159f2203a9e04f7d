import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { withoutProxyToLoopback } from "../../../lib/loopback.cjs";

const LIB = join(import.meta.dirname, "../../../lib");

describe("the home folder", () => {
  const ask = (env: NodeJS.ProcessEnv, uid?: number): string => {
    const program = `process.stdout.write(require(${JSON.stringify(join(LIB, "home.cjs"))}).homeFolder())`;
    // The folder of the project may be one that only its owner may enter: the program is read here.
    const script = uid === undefined ? program : `process.setgid(${uid}); process.setuid(${uid}); ${HOME_TEXT}`;
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { env, encoding: "utf8" });
    assert.equal(stderr, "");
    return stdout;
  };
  const TEMPORARY = "/tmp/cloister-home-424242";
  const HOME_TEXT = `
    const m = { exports: {} };
    new Function("exports", "require", ${JSON.stringify(spawnSync("cat", [join(LIB, "home.cjs")], { encoding: "utf8" }).stdout)})(m.exports, require);
    process.stdout.write(m.exports.homeFolder())`;

  it("is HOME, and the system's where HOME is unset, empty or relative", () => {
    assert.equal(ask({ HOME: "/somewhere/of mine" }), "/somewhere/of mine");
    for (const env of [{}, { HOME: "" }, { HOME: "relative" }]) {
      assert.ok(isAbsolute(ask(env)), JSON.stringify(env));
      assert.equal(ask(env), ask({}));
    }
  });

  it("is there for a user id that nobody has, as containers run programs", function () {
    if (process.getuid?.() !== 0) this.skip();
    rmSync(TEMPORARY, { recursive: true, force: true });
    try {
      assert.equal(ask({}, 424_242), TEMPORARY);
      const { mode, uid } = lstatSync(TEMPORARY);
      assert.deepEqual([mode & 0o777, uid], [0o700, 424_242]);
      assert.equal(ask({}, 424_242), TEMPORARY, "and the second time");
      assert.equal(ask({ HOME: "/home/of-it" }, 424_242), "/home/of-it");
    } finally {
      rmSync(TEMPORARY, { recursive: true, force: true });
    }
  });

  it("is none that somebody else made, or may enter, or that leads elsewhere", function () {
    if (process.getuid?.() !== 0) this.skip();
    const elsewhere = mkdtempSync(join(tmpdir(), "cloister-elsewhere-"));
    const made: Record<string, () => void> = {
      "another's": () => mkdirSync(TEMPORARY, { mode: 0o700 }),
      open: () => {
        mkdirSync(TEMPORARY);
        chmodSync(TEMPORARY, 0o755);
        chownSync(TEMPORARY, 424_242, 424_242);
      },
      "a link": () => {
        chownSync(elsewhere, 424_242, 424_242);
        symlinkSync(elsewhere, TEMPORARY);
      },
    };
    try {
      for (const [what, make] of Object.entries(made)) {
        rmSync(TEMPORARY, { recursive: true, force: true });
        make();
        assert.throws(() => ask({}, 424_242), /is no folder that you alone may enter\. Set HOME to one/, what);
      }
    } finally {
      rmSync(TEMPORARY, { recursive: true, force: true });
      rmSync(elsewhere, { recursive: true });
    }
  });
});

describe("a proxy", () => {
  it("is asked for no address of this computer, beside those that the environment excepts", () => {
    assert.deepEqual(withoutProxyToLoopback({}), { no_grpc_proxy: "127.0.0.1,::1,localhost" });
    assert.deepEqual(withoutProxyToLoopback({ no_proxy: "corp.example, localhost", NO_PROXY: "10.0.0.0/8" }), {
      no_grpc_proxy: "corp.example,localhost,10.0.0.0/8,127.0.0.1,::1",
    });
    assert.deepEqual(withoutProxyToLoopback({ no_grpc_proxy: "a.example", no_proxy: "b.example" }), {
      no_grpc_proxy: "a.example,127.0.0.1,::1,localhost",
    });
  });
});
