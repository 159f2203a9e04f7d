import assert from "node:assert/strict";
import { chown, mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { NotRemoved, removeHomeTree, removeTree, unremoved } from "../../../../guest/sessions/remove-tree.ts";

const SEAL = join(import.meta.dirname, "../../../../guest/seal");

describe("removal of what a session had", function () {
  this.timeout(120_000);
  let root: string;
  let program: string;

  before(async function () {
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip();
    if ((await execa("go", ["version"], { reject: false })).failed) this.skip();
    root = await realpath(await mkdtemp(join(tmpdir(), "cloister-remove-")));
    program = join(root, "remove-tree");
    await execa("go", ["build", "-o", program, "./cmd/remove-tree"], { cwd: SEAL, stdin: "ignore" });
  });

  after(async () => {
    if (root) await rm(root, { recursive: true });
  });

  it("removes everything, through no link, and is content with nothing", async () => {
    await mkdir(join(root, "x/a/b"), { recursive: true });
    await mkdir(join(root, "other"));
    await writeFile(join(root, "other/file"), "");
    await symlink(join(root, "other"), join(root, "x/a/b/link"));
    await removeTree(root, "x", { program });
    await removeTree(root, "x", { program });
    assert.deepEqual((await readdir(root)).sort(), ["other", "remove-tree"]);
    assert.deepEqual(await readdir(join(root, "other")), ["file"]);
  });

  it("says what stays and why", async () => {
    const error = await removeTree(root, "other/file", { program }).catch((caught: unknown) => caught);
    assert.ok(error instanceof NotRemoved);
    assert.match(error.message, /is not removed: "other\/file" is not a name in a folder/);
    await assert.rejects(removeTree(root, "x", { program: join(root, "none") }), /not found/);
  });

  it("keeps a record of a home that stays, until it is gone", async () => {
    const paths = { homes: join(root, "homes"), records: join(root, "records"), program };
    assert.deepEqual(await unremoved(paths.records), []);
    await mkdir(join(paths.homes, "brave-noble-bohr/a"), { recursive: true });
    // It is root's: no session's.
    await assert.rejects(removeHomeTree("brave-noble-bohr", paths), /belongs to user id 0/);
    const [record, ...more] = await unremoved(paths.records);
    assert.deepEqual(more, []);
    assert.equal(record?.name, "brave-noble-bohr");
    assert.match(record?.reason ?? "", /belongs to user id 0, which is no session's/);
    assert.equal((await stat(paths.records)).mode & 0o777, 0o700);
    await chown(join(paths.homes, "brave-noble-bohr"), 20_000, 20_000);
    await removeHomeTree("brave-noble-bohr", paths);
    assert.deepEqual(await unremoved(paths.records), []);
    assert.deepEqual(await readdir(paths.homes), []);
  });
});
