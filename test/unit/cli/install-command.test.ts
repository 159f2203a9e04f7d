import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { chooseFolder, install, uninstall } from "../../../cli/start/install-command.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

describe("the installed command", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-bin-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is a link on PATH that works from any folder", async function () {
    this.timeout(30_000);
    const target = join(REPOSITORY, "cli", "bin.mjs");
    const link = install(folder, target);
    assert.equal(await readlink(link), target);
    assert.match((await execa(link, ["--help"], { cwd: folder })).stdout, /^Usage: cloister/);
    // Again, and when the project has been moved.
    install(folder, target);
    await rm(link);
    await symlink("/old/place/cli/bin.mjs", link);
    install(folder, target);
    assert.equal(await readlink(link), target);
  });

  it("takes the place of nothing else", async () => {
    await writeFile(join(folder, "cloister"), "somebody's");
    assert.throws(() => install(folder, "/x/cli/bin.mjs"), /is there and is not ours/);
    assert.equal(await readFile(join(folder, "cloister"), "utf8"), "somebody's");
  });

  it("is taken away again, and nothing else in its place is", async () => {
    install(folder, join(REPOSITORY, "cli", "bin.mjs"));
    assert.equal(uninstall(folder), join(folder, "cloister"));
    assert.equal(uninstall(folder), undefined, "there is none any more");
    await writeFile(join(folder, "cloister"), "somebody's");
    assert.throws(() => uninstall(folder), /is not ours: it stays/);
  });

  it("is in the user's own folder where PATH has it", () => {
    const path = { PATH: "/usr/bin:/usr/local/bin:/home/me/.local/bin:/p/node_modules/.bin" };
    assert.equal(
      chooseFolder(path, "/home/me", () => false),
      "/home/me/.local/bin",
    );
    assert.equal(
      chooseFolder(path, "/home/you", () => true),
      "/usr/local/bin",
    );
    // A package's own folder goes with the package.
    assert.equal(
      chooseFolder({ PATH: "/usr/local/go/bin:/opt/tool/bin:/usr/bin" }, "/home/you", () => true),
      undefined,
    );
    assert.equal(
      chooseFolder(path, "/home/you", () => false),
      undefined,
    );
  });

  it("is what documents and messages tell of: npx elsewhere would ask a registry for that name", async () => {
    const folders = ["docs", "docs/decisions", "cli/start"];
    const names = await Promise.all(
      folders.map(async (name) => (await readdir(join(REPOSITORY, name))).map((file) => join(name, file))),
    );
    for (const file of ["README.md", "cli/bin.mjs", ...names.flat().filter((name) => /\.(md|ts)$/.test(name))]) {
      for (const line of (await readFile(join(REPOSITORY, file), "utf8")).split("\n")) {
        assert.doesNotMatch(line, /npx (?:--?\S+ )*cloister/, `${file}: ${line}`);
      }
    }
  });
});
