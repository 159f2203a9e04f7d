import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyInSight } from "../../../../infra/container/prepare.ts";

describe("the model's key of a container", () => {
  const before = process.env["XDG_RUNTIME_DIR"];
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "cloister-key-test-")));
    await mkdir(join(folder, "run"));
    await mkdir(join(folder, "work"));
    await symlink(join(folder, "run"), join(folder, "link"));
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = before;
    await rm(folder, { recursive: true });
  });

  it("lies in no folder that the session sees, by a link neither", async () => {
    for (const home of ["run", "link"]) {
      process.env["XDG_RUNTIME_DIR"] = join(folder, home);
      for (const source of [folder, join(folder, "run")]) {
        const [said = ""] = await keyInSight([{ source }]);
        assert.match(said, /where the model's key lies .* set XDG_RUNTIME_DIR/, `${home} ${source}`);
      }
      assert.deepEqual(await keyInSight([{ source: join(folder, "work") }, { source: join(folder, "ru") }]), []);
    }
  });
});
