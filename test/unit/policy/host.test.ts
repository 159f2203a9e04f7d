import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

const HOST = join(REPOSITORY, "node_modules/@pulumi/pulumi/cmd/run-policy-pack/index.js");

/** Says who it is, with which arguments it runs, and whether Pulumi's own host was loaded beside it. */
const PACK = `
  const hosts = Object.keys(require.cache).filter((path) => /run-policy-pack.run\\.js$/.test(path));
  console.log(JSON.stringify({ folder: __dirname, args: process.argv.slice(2), hosts: hosts.length }));`;

describe("the host of the policy pack", function () {
  this.timeout(30_000);
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-host-"));
    for (const name of ["policy", "other"]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "package.json"), '{ "main": "main.cjs" }');
      await writeFile(join(folder, name, "main.cjs"), PACK);
    }
    for (const file of ["preload.cjs", "host.cjs", "take.cjs", "ahead.cjs"])
      await cp(join(REPOSITORY, "policy", file), join(folder, "policy", file));
    for (const file of ["toolchain/lean-sdk.cjs", "lib"])
      await cp(join(REPOSITORY, file), join(folder, file), { recursive: true });
    await symlink(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  /** As the engine's language host starts a pack, with this pack's preload. */
  const run = async (name: string, ...more: string[]) =>
    await execa(
      "node",
      ["--require", join(folder, "policy/preload.cjs"), HOST, ...more, "127.0.0.1:1", join(folder, name)],
      {
        cwd: join(folder, name),
        reject: false,
      },
    );

  it("runs this pack without Pulumi's own", async () => {
    const { stdout } = await run("policy");
    assert.deepEqual(JSON.parse(stdout), { folder: join(folder, "policy"), args: [], hosts: 0 });
  });

  it("leaves every other pack, and arguments that it does not know, to Pulumi's own", async () => {
    const other = await run("other");
    assert.deepEqual(JSON.parse(other.stdout), { folder: join(folder, "other"), args: [], hosts: 1 });
    const known = await run("policy", "--pwd", join(folder, "policy"));
    assert.equal(JSON.parse(known.stdout).hosts, 1, known.stderr);
  });

  it("tells what nobody caught, once, and ends with the code that says so", async () => {
    for (const [text, error] of [
      ["setTimeout(() => { throw new Error('thrown late'); })", "thrown late"],
      ["const error = new Error('refused'); Promise.reject(error); Promise.reject(error);", "refused"],
    ] as const) {
      await writeFile(join(folder, "policy", "main.cjs"), text);
      const { exitCode, stderr } = await run("policy");
      assert.equal(exitCode, 32, stderr);
      assert.equal(stderr.split(`Error: ${error}`).length, 2, stderr);
      assert.match(stderr, /failed with an unhandled exception/);
    }
  });
});
