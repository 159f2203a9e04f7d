import assert from "node:assert/strict";
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knownVersion } from "../../../toolchain/known-version.ts";

describe("the version of a Pulumi on PATH", () => {
  let folder: string;
  let asked: number;
  const cache = (): string => join(folder, "cache");
  const ask = async (): Promise<string> => {
    asked += 1;
    return "3.245.0";
  };
  const version = async (file: string): Promise<string> => await knownVersion(file, cache(), ask);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-version-"));
    asked = 0;
    await writeFile(join(folder, "pulumi-language-nodejs"), "");
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  /** An executable of this kind of computer, under this name. */
  async function native(name = "pulumi"): Promise<string> {
    await copyFile("/bin/sh", join(folder, name));
    return join(folder, name);
  }

  it("is asked once, by several runs at once as well", async () => {
    const file = await native();
    assert.deepEqual(await Promise.all([version(file), version(file), version(file)]), Array(3).fill("3.245.0"));
    const before = asked;
    assert.equal(await version(file), "3.245.0");
    assert.equal(asked, before);
  });

  it("is asked again when the file was written to, or is another one", async () => {
    const file = await native();
    await version(file);
    await appendFile(file, "x");
    await version(file);
    assert.equal(asked, 2);
    await rm(file);
    await native();
    await version(file);
    assert.equal(asked, 3);
  });

  it("is asked each time of a script, and of another program under Pulumi's name", async () => {
    await writeFile(join(folder, "pulumi"), "#!/bin/sh\n");
    await chmod(join(folder, "pulumi"), 0o755);
    const shim = await native("version-manager");
    for (const file of [join(folder, "pulumi"), shim]) {
      await version(file);
      await version(file);
    }
    assert.equal(asked, 4);
  });

  it("is asked each time of what looks like a version manager's own program", async () => {
    const file = await native();
    await rm(join(folder, "pulumi-language-nodejs"));
    await version(file);
    await version(file);
    assert.equal(asked, 2);
    await mkdir(join(folder, "shims"));
    await writeFile(join(folder, "shims", "pulumi-language-nodejs"), "");
    const shim = await native("shims/pulumi");
    await version(shim);
    await version(shim);
    assert.equal(asked, 4);
  });

  it("is asked again when what was remembered is damaged, and does without a cache that cannot be written", async () => {
    const file = await native();
    await version(file);
    const [name = ""] = await readdir(join(cache(), "pulumi-version"));
    await writeFile(join(cache(), "pulumi-version", name), "3.2");
    assert.equal(await version(file), "3.245.0");
    assert.equal(asked, 2);
    await rm(cache(), { recursive: true });
    await writeFile(cache(), "a file");
    assert.equal(await version(file), "3.245.0");
  });

  it("is not remembered when the executable gave none", async () => {
    const file = await native();
    await mkdir(cache());
    assert.equal(await knownVersion(file, cache(), async () => ""), "");
    assert.equal(await version(file), "3.245.0");
  });
});
