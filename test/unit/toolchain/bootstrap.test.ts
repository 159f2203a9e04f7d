import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transform } from "esbuild";
import { execa } from "execa";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

describe("what runs before anything else", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-first-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A project whose packages are installed, or are not. */
  async function project(name: string, packages = true): Promise<string> {
    const path = join(folder, name);
    await mkdir(join(path, "node_modules"), { recursive: true });
    for (const file of ["toolchain/bootstrap.cjs", "toolchain/packages.cjs", "package-lock.json"])
      await cp(join(REPOSITORY, file), join(path, file));
    const lock = await readFile(join(path, "package-lock.json"));
    if (packages)
      await writeFile(join(path, "node_modules/.cloister-lock"), createHash("sha256").update(lock).digest("hex"));
    return path;
  }

  /** Runs it as on a computer where something of `process` is other. */
  async function run(path: string, other = "", options: { uid?: number } = {}) {
    const before = join(folder, "before.cjs");
    await writeFile(before, other);
    return await execa(process.execPath, ["-r", before, join(path, "toolchain/bootstrap.cjs")], {
      reject: false,
      ...options,
    });
  }

  it("says nothing where all is well", async () => {
    const { exitCode, stdout, stderr } = await run(await project("a [b] {c} *d #e %20"));
    assert.deepEqual([exitCode, stdout, stderr], [0, "", ""]);
  });

  for (const version of ["12.22.12", "18.20.8", "20.10.0"]) {
    it(`refuses Node ${version} in a sentence`, async () => {
      const other = `Object.defineProperty(process.versions, "node", { value: "${version}" });`;
      const { exitCode, stderr } = await run(await project("plain"), other);
      assert.deepEqual([exitCode, stderr.split("\n").length], [1, 1]);
      assert.match(stderr, new RegExp(`^Node ${version} is too old: install Node 20\\.11 or newer`));
    });
  }

  it("gives its place to the program, which then gets the signals that npm passes on", async () => {
    const { scripts } = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const chained = Object.entries(scripts).filter(([, text]) => text.includes("bootstrap.cjs &&"));
    assert.ok(chained.length > 20);
    for (const [name, text] of chained) assert.match(text, /bootstrap\.cjs && exec node [^&]*$/, name);
  });

  it("is written so that old versions of Node read it, as is the command", async () => {
    for (const [file, format] of [
      ["toolchain/bootstrap.cjs", "cjs"],
      ["cli/bin.mjs", "esm"],
    ] as const) {
      const text = await readFile(join(REPOSITORY, file), "utf8");
      const as = async (target: string) =>
        (await transform(text, { target, format, minifyWhitespace: true, supported: { "import-meta": true } })).code;
      assert.equal(await as("es2017"), await as("esnext"), file);
      assert.doesNotMatch(text, /from "node:|require\("node:/, file);
    }
    await assert.rejects(
      transform("await 1", { target: "es2017", format: "esm", logLevel: "silent" }),
      /await/,
      "the control",
    );
  });

  it("refuses a folder with a backslash in its path, and Windows itself", async () => {
    const { exitCode, stderr } = await run(await project("a\\b"));
    assert.equal(exitCode, 1);
    assert.match(stderr, /backslash in its path: move .*a\\b$/);
    const windows = await run(
      await project("plain"),
      'Object.defineProperty(process, "platform", { value: "win32" });',
    );
    assert.equal(windows.exitCode, 1);
    assert.match(windows.stderr, /install WSL 2.* below \/home\.$/);
  });

  it("says who can install packages in a clone that is another user's", async function () {
    if (process.getuid?.() !== 0) this.skip();
    await execa("chmod", ["755", folder]);
    const { exitCode, stderr } = await run(await project("opt", false), "", { uid: 65_534 });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^The project's npm packages must be installed, and .*opt cannot be written \(EACCES\)\.$/m);
    assert.match(stderr, /^Let its owner run npm ci --ignore-scripts there, or clone the project into a folder/m);
    assert.equal((await run(await project("done"), "", { uid: 65_534 })).exitCode, 0, "once they are, it can be used");
  });
});
