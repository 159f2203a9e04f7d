import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { widthOf } from "../../../cli/screen.ts";

const CLOISTER = join(import.meta.dirname, "../../../cli/bin.mjs");

describe("output that cannot be written", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let cache: string;
  before(async () => {
    cache = await mkdtemp(join(tmpdir(), "cloister-streams-"));
  });
  after(() => rm(cache, { recursive: true, force: true }));

  const shell = async (script: string) =>
    await execa("bash", ["-c", script, process.execPath, CLOISTER], {
      env: { CLOISTER_CACHE_DIR: cache },
      reject: false,
    });

  it("ends the command without a word when a pipe is closed, as it ends others", async () => {
    // The reader is gone before anything is written.
    const piped = await shell('set -o pipefail; { sleep 0.3; exec "$0" "$1" run --help; } | true');
    assert.equal(piped.stderr, "");
    assert.equal(piped.exitCode, 141);
  });

  it("ends the other programs in the same way", async () => {
    const bundled = join(import.meta.dirname, "../../../lib/run-bundled.cjs");
    const run = async (reader: string) =>
      await execa(
        "bash",
        ["-c", `set -o pipefail; "$0" "$1" preview/cost/main.ts --stack dev | ${reader}`, process.execPath, bundled],
        {
          cwd: join(import.meta.dirname, "../../.."),
          reject: false,
        },
      );
    const closed = await run("exec 0<&-");
    assert.equal(closed.stderr, "");
    assert.equal(closed.exitCode, 141);
    const control = await run("cat");
    assert.equal(control.exitCode, 0);
    assert.match(control.stdout, /Not counted/);
  });

  it("is told when a disk is full", async function () {
    if (!existsSync("/dev/full")) this.skip();
    const { exitCode, stderr } = await shell('"$0" "$1" --version > /dev/full');
    assert.equal(exitCode, 1);
    assert.match(stderr, /^cloister: the output cannot be written: ENOSPC/);
    assert.doesNotMatch(stderr, /\n/, "one line");
  });

  it("needs none of the standard streams", async () => {
    assert.equal((await shell('"$0" "$1" --version <&-')).exitCode, 0);
    assert.equal((await shell('"$0" "$1" --version >&-')).exitCode, 0);
    assert.equal((await shell('"$0" "$1" lss 2>&-')).exitCode, 2);
  });

  it("has a width on a terminal that tells 0", () => {
    assert.equal(widthOf({ isTTY: true, columns: 0 }), 80);
    assert.equal(widthOf({ isTTY: false, columns: 0 }), undefined);
  });
});
