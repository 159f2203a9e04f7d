import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { bundleProgram } from "../../../../images/runtime/bundle.ts";

/** Two programs of one length: V8 takes the kept code of one for the other, and so shows whether it was used. */
const program = (word: string) => `
import { rootCertificates } from "node:tls";
const late = process.argv[2] === "certificates" ? rootCertificates.length > 0 : "none";
const loaded = process.moduleLoadList.includes("NativeModule tls");
console.log([${JSON.stringify(word)}, process.argv[2], late, loaded].join(" "));
process.exitCode = 3;
`;

describe("a program of the guest, started", () => {
  let folder: string;
  let code: string;

  const bundle = async (name: string, word: string) => {
    const entry = join(folder, `${name}.ts`);
    await writeFile(entry, program(word));
    await bundleProgram(join(folder, name), "it", { entry, keptAfter: ["keep"] }, code);
  };
  const run = async (name: string, ...args: string[]) => {
    const { stdout, stderr, exitCode } = await execa(process.execPath, [join(folder, name, "it.cjs"), ...args], {
      reject: false,
    });
    assert.deepEqual([stderr, exitCode], ["", 3]);
    return stdout;
  };
  const kept = async () => (await readdir(code).catch(() => [])).map((file) => join(code, file));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-launch-"));
    code = join(folder, "code");
    await bundle("one", "first.");
    await bundle("two", "second");
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  /** Puts what was kept of the second program where that of the first is looked for. */
  async function swapped(): Promise<string> {
    await run("one", "keep");
    const [mine = assert.fail()] = await kept();
    await run("two", "keep");
    const other = (await kept()).find((file) => file !== mine) ?? assert.fail();
    await copyFile(other, mine);
    return mine;
  }

  it("keeps what was compiled after the commands that may, for this user alone", async () => {
    assert.equal(await run("one", "look"), "first. look none false");
    assert.deepEqual(await kept(), []);
    assert.equal(await run("one", "keep"), "first. keep none false");
    const [file = assert.fail(), ...more] = await kept();
    assert.deepEqual(more, []);
    const { stdout } = await execa("stat", ["-c", "%a", code, file]);
    assert.equal(stdout, "700\n600");
    assert.equal(await run("one", "look"), "first. look none false");
  });

  it("runs what was kept", async () => {
    await swapped();
    assert.equal(await run("one", "look"), "second look none false");
  });

  it("takes what was made with the program before anything that was kept", async () => {
    await copyFile(await swapped(), join(folder, "one", "it-program.cjs.compiled"));
    await rm(code, { recursive: true });
    assert.equal(await run("one", "keep"), "second keep none false");
    assert.deepEqual(await kept(), [], "nothing has to be kept");
    await writeFile(join(folder, "one", "it-program.cjs.compiled"), "no code of V8's");
    assert.equal(await run("one", "keep"), "first. keep none false");
    assert.deepEqual(await kept(), [], "it would not be read");
  });

  it("does not look at what another program kept: the digest is in the name", async () => {
    await run("two", "keep");
    assert.equal(await run("one", "look"), "first. look none false");
  });

  it("runs nothing that others could have written", async () => {
    const mine = await swapped();
    for (const [path, open, right] of [
      [mine, 0o620, 0o600],
      [mine, 0o602, 0o600],
      [code, 0o770, 0o700],
      [code, 0o707, 0o700],
    ] as const) {
      await chmod(path, open);
      assert.equal(await run("one", "look"), "first. look none false", `${path} ${open.toString(8)}`);
      await chmod(path, right);
    }
    assert.equal(await run("one", "look"), "second look none false", "the control");
    const elsewhere = join(folder, "elsewhere");
    await copyFile(mine, elsewhere);
    await rm(mine);
    await symlink(elsewhere, mine);
    assert.equal(await run("one", "look"), "first. look none false", "a link");
  });

  it("compiles anew what is damaged or of other flags, and keeps that", async () => {
    await run("one", "keep");
    const [file = assert.fail()] = await kept();
    const right = await readFile(file);
    for (const wrong of [Buffer.alloc(0), Buffer.from("no code of V8's"), right.subarray(0, right.length >> 1)]) {
      await writeFile(file, wrong);
      assert.equal(await run("one", "look"), "first. look none false");
      assert.deepEqual(await readFile(file), wrong, "another command keeps nothing");
      assert.equal(await run("one", "keep"), "first. keep none false");
      assert.notDeepEqual(await readFile(file), wrong);
    }
    assert.deepEqual(await kept(), [file], "no other files are left");
  });

  it("starts where nothing can be kept", async () => {
    await writeFile(code, "a file is in the folder's place");
    assert.equal(await run("one", "keep"), "first. keep none false");
    await rm(code);
    await mkdir(code, { mode: 0o777 });
    await chmod(code, 0o777);
    assert.equal(await run("one", "keep"), "first. keep none false");
    assert.deepEqual(await kept(), []);
  });

  it("loads what runs seldom use when it is used", async () => {
    assert.equal(await run("one", "certificates"), "first. certificates true true");
  });
});
