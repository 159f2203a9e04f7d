import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const END = [join(import.meta.dirname, "../../../lib/run-bundled.cjs"), "cli/copy/end.ts"];

/** A copy's end where sessions write: what a session made on the way leads it nowhere. */
describe("a copy's end in a container", function () {
  this.timeout(60_000);
  let base: string;
  let outside: string;
  const end = (words: string[], strict: boolean, input?: Buffer) =>
    execa("node", [...END, ...words], {
      env: strict ? { CLOISTER_COPY_STRICT: "1" } : {},
      encoding: "buffer",
      reject: false,
      ...(input === undefined ? {} : { input }),
    });
  const pack = async () => Buffer.from((await end(["send", join(outside, "given")], false)).stdout);

  beforeEach(async () => {
    // The system's own temporary folder may be a link.
    base = await realpath(await mkdtemp(join(tmpdir(), "cloister-cp-")));
    outside = await realpath(await mkdtemp(join(tmpdir(), "cloister-out-")));
    await mkdir(join(base, "work"));
    await writeFile(join(outside, "given"), "given\n");
    await chmod(join(outside, "given"), 0o6755);
    await writeFile(join(outside, "secret"), "secret\n");
    await symlink(outside, join(base, "work/link"));
    await symlink(join(outside, "secret"), join(base, "work/file"));
  });
  afterEach(async () => {
    for (const folder of [base, outside]) await rm(folder, { recursive: true, force: true });
  });

  it("takes a file into a folder and under a new name, without set-id bits: the control", async () => {
    const input = await pack();
    for (const to of [join(base, "work"), join(base, "work/new")]) {
      const { exitCode, stderr } = await end(["receive", to, "given"], true, input);
      assert.equal(exitCode, 0, Buffer.from(stderr).toString());
    }
    assert.deepEqual((await readdir(join(base, "work"))).sort(), ["file", "given", "link", "new"]);
    assert.equal((await stat(join(base, "work/new"))).mode & 0o7000, 0);
    assert.equal(await readFile(join(base, "work/given"), "utf8"), "given\n");
  });

  it("writes nowhere through a link: on the way, as the folder, or as the file", async () => {
    const input = await pack();
    for (const to of ["work/link", "work/link/", "work/link/new", "work/file"].map((path) => `${base}/${path}`)) {
      const { exitCode, stderr } = await end(["receive", to, "given"], true, input);
      assert.equal(exitCode, 1, to);
      assert.match(Buffer.from(stderr).toString(), /is a link, which a session may have made/, to);
    }
    assert.equal(await readFile(join(outside, "secret"), "utf8"), "secret\n");
    assert.deepEqual((await readdir(outside)).sort(), ["given", "secret"]);
    // The control: where links on the way are the operator's own, the same call writes there.
    assert.equal((await end(["receive", `${base}/work/link/new`, "given"], false, input)).exitCode, 0);
    assert.ok((await readdir(outside)).includes("new"));
  });

  it("replaces a link below the place by the file, and reads none", async () => {
    await mkdir(join(outside, "tree"));
    await writeFile(join(outside, "tree/file"), "mine\n");
    const packed = Buffer.from((await end(["send", join(outside, "tree")], false)).stdout);
    await mkdir(join(base, "tree"));
    await symlink(join(outside, "secret"), join(base, "tree/file"));
    assert.equal((await end(["receive", base, "tree"], true, packed)).exitCode, 0);
    assert.equal(await readFile(join(base, "tree/file"), "utf8"), "mine\n");
    assert.equal(await readFile(join(outside, "secret"), "utf8"), "secret\n");
    for (const path of ["work/file", "work/link", "work/link/secret"]) {
      const { exitCode, stderr } = await end(["send", `${base}/${path}`], true);
      assert.equal(exitCode, 1, path);
      assert.match(Buffer.from(stderr).toString(), /is a link/, path);
    }
    assert.equal((await end(["send", `${base}/tree/file`], true)).exitCode, 0, "the control");
  });

  it("says which folder is not there", async () => {
    const { stderr } = await end(["receive", `${base}/none/new`, "given"], true, await pack());
    assert.match(Buffer.from(stderr).toString(), /there is no folder .*none in the container/);
  });
});
