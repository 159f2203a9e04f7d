import assert from "node:assert/strict";
import { execa } from "execa";

const preload = new URL("../../../../tools/toolchain/lean-sdk.cjs", import.meta.url).pathname;
const repository = new URL("../../../../", import.meta.url).pathname;

describe("the lean SDK", function () {
  this.timeout(30_000);

  /** What the script's `result` is, or becomes when it is a promise. */
  async function run(script: string): Promise<unknown> {
    const print = "Promise.resolve(result).then((value) => console.log(JSON.stringify(value)))";
    const args = ["--require", preload, "-e", `${script}; ${print}`];
    return JSON.parse((await execa("node", args, { cwd: repository })).stdout);
  }

  it("leaves the compiler and the dependency resolver out until they are used", async () => {
    const late =
      "() => Object.keys(require.cache).filter((path) => /node_modules.(typescript|@npmcli)./.test(path)).length";
    assert.equal(await run(`require("@pulumi/pulumi"); const late = ${late}; const result = late()`), 0);
    const [text, count] = (await run(`
      const late = ${late};
      const serialized = require("@pulumi/pulumi").runtime.serializeFunction(() => 1 + 1);
      const result = serialized.then(({ text }) => [text, late()])`)) as [string, number];
    assert.match(text, /1 \+ 1/);
    assert.ok(count > 0);
  });

  it("leaves the same modules of anyone else alone", async () => {
    assert.equal(await run('const result = typeof require("typescript").version'), "string");
  });

  it("leaves source maps out, whose file names Node 20 cannot colour", async () => {
    assert.equal(
      await run('require("@pulumi/pulumi/cmd/run/error"); const result = process.sourceMapsEnabled === true'),
      false,
    );
    const stack = 'require("node:module")._load("source-map-support/register", { filename: "/@pulumi/pulumi/x.js" })';
    assert.deepEqual(await run(`const result = ${stack}`), {});
  });
});
