import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearUnkept, markUnkept } from "../../../../guest/sessions/unkept.ts";

describe("marks of sessions that are not kept", () => {
  let root: string;
  let folder: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-unkept-"));
    folder = join(root, ".unkept");
  });
  afterEach(async () => await rm(root, { recursive: true }));

  it("a session has a mark until it is removed, in a folder of root's", async () => {
    await markUnkept("brave-bohr", false, folder);
    assert.deepEqual(await readdir(folder), ["brave-bohr"]);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await markUnkept("brave-bohr", false, folder);
    await clearUnkept("brave-bohr", folder);
    assert.deepEqual(await readdir(folder), []);
    await clearUnkept("brave-bohr", folder);
  });

  it("a later run that keeps the session takes the mark away", async () => {
    await markUnkept("brave-bohr", false, folder);
    await markUnkept("other", false, folder);
    await markUnkept("brave-bohr", true, folder);
    assert.deepEqual(await readdir(folder), ["other"]);
  });

  it("a kept session needs no folder", async () => {
    await markUnkept("brave-bohr", true, folder);
    assert.deepEqual(await readdir(root), []);
  });

  it("a folder that cannot be made is an error", async () => {
    await writeFile(folder, "");
    await assert.rejects(markUnkept("brave-bohr", false, folder), /EEXIST|ENOTDIR/);
  });
});
