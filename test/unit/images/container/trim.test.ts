import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { trimmed } from "../../../../images/container/trim.ts";

describe("a program without what only debuggers read", () => {
  it("runs, exports what it did, and is no longer than what is loaded", async function () {
    if (process.platform !== "linux") this.skip();
    this.timeout(60_000);
    const whole = await readFile(process.execPath);
    // Symbols as debuggers have them, however this Node came.
    const given = Buffer.concat([whole, Buffer.alloc(4096)]);
    const copy = trimmed(given);
    assert.ok(copy.length < given.length);
    assert.equal(trimmed(copy).length, copy.length, "twice is once");
    const folder = await mkdtemp(join(tmpdir(), "cloister-trim-"));
    try {
      const path = join(folder, "node");
      await writeFile(path, copy);
      await chmod(path, 0o755);
      const { stdout } = await execa(path, ["-p", "process.version + typeof require('node:crypto').createHash"]);
      assert.equal(stdout, `${process.version}function`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is refused where it is something else", () => {
    assert.throws(() => trimmed(Buffer.from("#!/bin/sh\n".padEnd(64))), /not a 64-bit ELF/);
  });
});
