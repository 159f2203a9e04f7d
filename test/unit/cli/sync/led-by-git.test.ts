import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ledByGit } from "../../../../cli/sync/led-by-git.ts";
import type { Listing } from "../../../../cli/sync/listing.ts";

describe("files that the settings of git name", () => {
  let folder: string;
  const names = ["PATH", "GIT_DIR", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"];
  const before = names.map((name) => process.env[name]);

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "cloister-led-")));
  });
  afterEach(async () => {
    for (const [index, name] of names.entries()) {
      const value = before[index];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true, force: true });
  });

  const repository = async (place: string) => {
    await execa("git", ["init", "-q", join(folder, place)]);
    await execa("git", ["-C", join(folder, place), "config", "core.hooksPath", "hooks"]);
  };
  const led = async (paths: string[] = []) =>
    [
      ...(await ledByGit(folder, new Map(paths.map((path) => [path, { kind: "d" }])) as unknown as Listing)).keys(),
    ].sort();

  it("are found whatever repository and settings the environment names", async () => {
    await repository(".");
    const found = await led();
    assert.equal(found.length, 1);
    Object.assign(process.env, {
      GIT_DIR: "/nonexistent",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.hooksPath",
      GIT_CONFIG_VALUE_0: "elsewhere",
    });
    assert.deepEqual(await led(), found);
  });

  it("are found in more repositories than are asked at once", async function () {
    this.timeout(60_000);
    const places = Array.from({ length: 23 }, (_, index) => `r${index}`);
    for (const place of places) await repository(place);
    assert.equal((await led(places.map((place) => `${place}/.git`))).length, places.length);
  });

  it("are none without git or a repository; that git cannot tell them is an error", async () => {
    assert.deepEqual(await led(), []);
    await repository(".");
    const path = process.env["PATH"];
    await mkdir(join(folder, "bin"));
    process.env["PATH"] = join(folder, "bin");
    assert.deepEqual(await led(), []);
    const fake = join(folder, "bin/git");
    await writeFile(
      fake,
      `#!/bin/sh\ncase $* in *config*) echo broken >&2; exit 1 ;; esac\necho '${folder}'\necho '${folder}/.git'\n`,
    );
    await chmod(fake, 0o755);
    await assert.rejects(led(), /git cannot tell its settings: .*broken/s);
    await writeFile(fake, "#!/bin/sh\nPATH=/usr/bin:/bin\nhead -c 20000000 /dev/zero\n");
    await assert.rejects(led(), /git cannot tell its settings: .*maxBuffer/);
    process.env["PATH"] = path;
    assert.equal((await led()).length, 1, "the control");
  });
});
