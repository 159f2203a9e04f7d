import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { bundleStandIns } from "../../../toolchain/standins.ts";

describe("what starts a stand-in", function () {
  this.timeout(60_000);
  const name = "pulumi-resource-command";
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-stand-in-"));
    await bundleStandIns(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A stand-in's folder of its own, in which the compiled code is changed; resolves with what it says first. */
  async function firstLine(compiled: (data: Buffer) => Buffer | undefined): Promise<string> {
    const own = await mkdtemp(join(folder, "own-"));
    for (const file of [name, `${name}.cjs`]) await copyFile(join(folder, "plugin", file), join(own, file));
    const data = compiled(await readFile(join(folder, "plugin", `${name}.v8`)));
    if (data) await writeFile(join(own, `${name}.v8`), data);
    const standIn = execa(join(own, name), ["127.0.0.1:1"], { stdin: "ignore", reject: false, buffer: false });
    for await (const line of standIn.iterable()) {
      standIn.kill();
      await standIn;
      return line;
    }
    return `nothing: it ended with ${(await standIn).exitCode}`;
  }

  it("serves with what V8 compiled, and without it", async () => {
    assert.match(await firstLine((data) => data), /^\d+$/);
    assert.match(await firstLine(() => undefined), /^\d+$/);
  });

  it("takes no damaged code, which would end Node", async () => {
    assert.match(await firstLine((data) => data.fill(0xff, 200, 4000)), /^\d+$/);
    assert.match(await firstLine((data) => data.subarray(0, data.length / 2)), /^\d+$/);
  });
});
