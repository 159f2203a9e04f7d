import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

describe("a bundled program", function () {
  this.timeout(30_000);
  let folder: string;

  const project = (name: string): string => join(folder, name);
  const run = async (name = "project", args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
    await execa("node", [join(project(name), "lib/run-bundled.cjs"), "infra/hello.ts", ...args], {
      env: { CLOISTER_CACHE_DIR: join(folder, "cache"), ...env },
      reject: false,
    });
  const bundles = async (): Promise<string[]> =>
    (await readdir(join(folder, "cache", "bundles"))).filter((file) => file.endsWith(".cjs"));
  const write = async (name: string, file: string, text: string): Promise<void> =>
    await writeFile(join(project(name), "infra", file), text);
  const make = async (name: string): Promise<void> => {
    await mkdir(join(project(name), "infra"), { recursive: true });
    for (const file of [
      "package.json",
      "package-lock.json",
      "lib/run-bundled.cjs",
      "lib/cache-root.cjs",
      "lib/home.cjs",
    ]) {
      await cp(join(REPOSITORY, file), join(project(name), file));
    }
    await symlink(join(REPOSITORY, "node_modules"), join(project(name), "node_modules"));
    await write(name, "word.ts", 'export const word: string = "one";');
    const hello = `import { word } from "./word.ts";
      import { far } from "../lib/far.ts";
      console.log(word, import.meta.url, process.argv.slice(2).join(), far, "import.meta.url");`;
    await write(name, "hello.ts", hello);
    await writeFile(join(project(name), "lib", "far.ts"), 'export { far } from "./far.mjs";');
    await writeFile(join(project(name), "lib", "far.mjs"), "export const far = import.meta.dirname;");
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-bundled-"));
    await make("project");
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("knows its arguments and where its sources are, in every copy of the project", async () => {
    await make("other");
    const said = (name: string, args: string): string =>
      `one file://${project(name)}/infra/hello.ts ${args} ${project(name)}/lib import.meta.url`;
    assert.equal((await run("project", ["a", "b c"])).stdout, said("project", "a,b c"));
    assert.equal((await run("other")).stdout, said("other", ""));
    assert.equal((await bundles()).length, 1, "the copies share one bundle");
  });

  it("is made once for all copies of the project that have the same sources", async () => {
    const unbuilt = { ESBUILD_BINARY_PATH: "/bin/false" };
    await make("other");
    assert.equal((await run("project", [], unbuilt)).exitCode, 1, "the control: nothing can be made");
    await run();
    assert.match((await run("other", [], unbuilt)).stdout, /^one file:.*other/);
    await rm(project("project"), { recursive: true });
    assert.match((await run("other", [], unbuilt)).stdout, /^one /, "it does not need the copy that made it");
    await write("other", "word.ts", 'export const word: string = "two";');
    assert.equal((await run("other", [], unbuilt)).exitCode, 1, "other sources are another bundle");
    assert.match((await run("other")).stdout, /^two /);
  });

  it("is another copy's also where the cache can only be read", async () => {
    const unbuilt = { ESBUILD_BINARY_PATH: "/bin/false" };
    await make("other");
    await run();
    // Root may write everywhere: no new file comes into being for a write that fails.
    const refusing = join(folder, "refusing.cjs");
    await writeFile(refusing, 'require("node:fs").writeFileSync = () => { throw new Error("EROFS"); };');
    const readOnly = { NODE_OPTIONS: `--require ${refusing}`, ...unbuilt };
    assert.match((await run("other", [], readOnly)).stdout, /^one file:.*other/);
    const indexes = (await readdir(join(folder, "cache", "bundles"))).filter((file) => file.endsWith(".json"));
    assert.equal(indexes.length, 1, "the control: nothing was written");
    await write("other", "word.ts", 'export const word: string = "two";');
    assert.equal((await run("other", [], readOnly)).exitCode, 1, "the control: nothing can be made");
  });

  it("is not kept by an index of an older version, which nobody reads", async () => {
    await run();
    const cache = join(folder, "cache", "bundles");
    const [name = ""] = (await readdir(cache)).filter((file) => file.endsWith(".json"));
    const old = `${"0".repeat(64)}.cjs`;
    await writeFile(join(cache, old), "");
    await utimes(join(cache, old), 0, 0);
    const index = JSON.stringify({ project: project("project"), bundle: "0".repeat(64), inputs: { a: "b" } });
    const names = async (now: string) => {
      await writeFile(join(cache, now), index);
      await write("project", "word.ts", `export const word: string = ${JSON.stringify(now)};`);
      await run();
      return (await readdir(cache)).filter((file) => file === old || file === now);
    };
    const current = `${"1".repeat(64)}.${"2".repeat(64)}.json`;
    assert.deepEqual(await names(current), [old, current], "the control: one of today's keeps it");
    await rm(join(cache, current));
    assert.deepEqual(await names(`${name.split(".")[0]}.json`), []);
  });

  it("does not tell what AWS's SDK says of the version of Node, and other warnings it does", async () => {
    await write(
      "project",
      "hello.ts",
      `import { S3Client } from "@aws-sdk/client-s3";
      Object.defineProperty(process, "version", { value: "v20.11.0" });
      new S3Client({ region: "eu-central-1" });
      process.emitWarning("another");`,
    );
    const { exitCode, stderr } = await run();
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /Warning: another/);
    assert.doesNotMatch(stderr, /NodeVersionSupportWarning/);
  });

  it("is made again when a source has changed, and not otherwise", async () => {
    await run();
    const first = await bundles();
    await run();
    assert.deepEqual(await bundles(), first);
    await write("project", "word.ts", 'export const word: string = "two";');
    assert.match((await run()).stdout, /^two /);
  });

  it("is made again when it was damaged", async () => {
    await run();
    const [bundle = ""] = await bundles();
    await truncate(join(folder, "cache", "bundles", bundle), 100);
    assert.match((await run()).stdout, /^one /);
  });

  it("is made again when its index names no source", async () => {
    await run();
    const cache = join(folder, "cache", "bundles");
    const [name = ""] = (await readdir(cache)).filter((file) => file.endsWith(".json"));
    const index = JSON.parse(await readFile(join(cache, name), "utf8")) as object;
    const text = 'console.log("another one\'s");';
    const bundle = createHash("sha256").update(text).digest("hex");
    await writeFile(join(cache, `${bundle}.cjs`), text);
    await writeFile(join(cache, name), JSON.stringify({ ...index, bundle, inputs: {} }));
    assert.match((await run()).stdout, /^one /);
  });

  it("does without what was compiled before when that was damaged, and has it again", async () => {
    await run();
    const cache = join(folder, "cache", "bundles");
    const [compiled = ""] = (await readdir(cache)).filter((file) => /\.cjs\.v\d/.test(file));
    const good = await readFile(join(cache, compiled));
    await writeFile(join(cache, compiled), good.fill(0xff, 200, 400));
    assert.match((await run()).stdout, /^one /);
    assert.notDeepEqual(await readFile(join(cache, compiled)), good);
  });

  it("is whole for each of several that start at once", async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => run()));
    for (const { stdout } of results) assert.match(stdout, /^one /);
    assert.equal((await bundles()).length, 1);
  });

  /** Output of a script that may load bundles. */
  const script = async (text: string): Promise<unknown> => {
    const load = `const { load } = require(${JSON.stringify(join(project("project"), "lib/run-bundled.cjs"))});`;
    const { stdout } = await execa("node", ["-e", `${load} (async () => { ${text} })();`], {
      cwd: project("project"),
      env: { CLOISTER_CACHE_DIR: join(folder, "cache") },
    });
    return JSON.parse(stdout);
  };

  it("is one of several that one process makes at once", async () => {
    await write("project", "a.ts", 'export const name: string = "a";');
    await write("project", "b.ts", 'export const name: string = "b";');
    const both = 'Promise.all([load("infra/a.ts"), load("infra/b.ts")])';
    assert.deepEqual(await script(`console.log(JSON.stringify((await ${both}).map(({ name }) => name)))`), ["a", "b"]);
  });

  it("has all of Pulumi's SDK, of which it loads late what is seldom used", async () => {
    await write(
      "project",
      "sdk.ts",
      'import * as sdk from "@pulumi/pulumi"; import * as runtime from "@pulumi/pulumi/runtime"; export { runtime, sdk };',
    );
    const result = (await script(`
      const late = () => Object.keys(require.cache).filter((path) => /pulumi.(automation|runtime.closure)/.test(path)).length;
      const { sdk, runtime } = await load("infra/sdk.ts", ["@pulumi/pulumi"]);
      const keys = (module) => Object.keys(module).filter((key) => key !== "default").sort();
      const before = late();
      const [names, inner] = [keys(sdk), keys(runtime)];
      const [real, realInner] = [require("@pulumi/pulumi"), require("@pulumi/pulumi/runtime")];
      const same = keys(real).filter((key) => key !== "runtime" && sdk[key] !== real[key]);
      const sameInner = keys(realInner).filter((key) => runtime[key] !== realInner[key]);
      console.log(JSON.stringify({
        before, after: late(), names, inner, real: keys(real), realInner: keys(realInner), differ: [...same, ...sameInner],
      }));`)) as Record<string, unknown>;
    assert.equal(result["before"], 0);
    assert.notEqual(result["after"], 0);
    assert.deepEqual(result["names"], result["real"]);
    assert.deepEqual(result["inner"], result["realInner"]);
    assert.deepEqual(result["differ"], []);
  });

  it("says what is wrong with a source that cannot be read, and fails", async () => {
    await write("project", "word.ts", "export const word = ;");
    const { exitCode, stderr } = await run();
    assert.equal(exitCode, 1);
    assert.match(stderr, /infra\/word\.ts:1:20: ERROR: Unexpected ";"/);
  });
});
