import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const preload = fileURLToPath(new URL("../../../toolchain/lean-sdk.cjs", import.meta.url));
const repository = fileURLToPath(new URL("../../../", import.meta.url));

describe("the lean SDK", function () {
  this.timeout(30_000);

  /** The script's `result`, awaited when it is a promise. */
  async function run(script: string, env: Record<string, string> = {}, preloaded = true): Promise<unknown> {
    const print = "Promise.resolve(result).then((value) => console.log(JSON.stringify(value)))";
    const args = [...(preloaded ? ["--require", preload] : []), "-e", `${script}; ${print}`];
    return JSON.parse((await execa("node", args, { cwd: repository, env })).stdout);
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

  it("leaves tracing and package.yaml out until they are used", async () => {
    const loaded = (name: string): string =>
      `Object.keys(require.cache).some((path) => /node_modules.${name}./.test(path))`;
    const all = ["@opentelemetry.sdk-trace-node", "@opentelemetry.instrumentation-grpc", "js-yaml"];
    const list = `[${all.map(loaded).join()}]`;
    const script = `
      require("@pulumi/pulumi/cmd/run/tracing");
      const { readPackageManifest } = require("@pulumi/pulumi/runtime/manifest");
      const before = ${list};
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cloister-manifest-"));
      fs.writeFileSync(path.join(folder, "package.yaml"), "name: of yaml");
      const { name } = readPackageManifest(folder).data;
      fs.rmSync(folder, { recursive: true });
      require("@pulumi/pulumi/cmd/run/tracing").start("http://127.0.0.1:9");
      const result = { before, name, after: ${list} }`;
    assert.deepEqual(await run(script), {
      before: [false, false, false],
      name: "of yaml",
      after: [true, true, true],
    });
  });

  it("switches V8's debugger on when a function is serialized, and finds what was read before", async () => {
    const script = `
      const asTheSdk = require("node:module").createRequire(require.resolve("@pulumi/pulumi/cmd/run"));
      const { getSessionAsync, isInitializedAsync } = asTheSdk("../../runtime/closure/v8Hooks");
      const post = require("node:inspector").Session.prototype.post;
      const posted = [];
      require("node:inspector").Session.prototype.post = function (method, ...rest) {
        posted.push(method);
        return post.call(this, method, ...rest);
      };
      const early = require("@pulumi/pulumi/runtime").serializeFunction;
      const count = Math.random() < 2 ? 7 : 8;
      const result = (async () => {
        await isInitializedAsync();
        const atStart = [...posted];
        const session = await getSessionAsync();
        const same = session === (await getSessionAsync());
        const { text } = await early(() => count + 1);
        return { atStart, enabled: posted.filter((one) => one === "Debugger.enable").length, same, text };
      })()`;
    const result = (await run(script)) as Record<string, unknown>;
    assert.deepEqual([result["atStart"], result["enabled"], result["same"]], [[], 1, true]);
    assert.match(String(result["text"]), /count \+ 1/);
    assert.match(String(result["text"]), /count: 7/, "captured by the debugger");
  });

  it("leaves the same modules of anyone else alone", async () => {
    assert.equal(await run('const result = typeof require("typescript").version'), "string");
  });

  it("sends the engine no debug messages unless it is told to", async () => {
    const script = `
      const { log } = require("@pulumi/pulumi");
      const sent = [];
      require("@pulumi/pulumi/runtime/settings").getEngine = () => ({
        log: (request, done) => {
          sent.push(request.getMessage());
          done();
        },
      });
      const result = log.debug("fine").then(() => log.info("coarse")).then(() => sent)`;
    assert.deepEqual(await run(script), ["coarse"]);
    assert.deepEqual(await run(script, { CLOISTER_SDK_DEBUG: "true" }), ["fine", "coarse"]);
  });

  it("counts promises that are never settled", async () => {
    const script = `
      require("@pulumi/pulumi");
      const { debuggablePromise, leakedPromises } = require("@pulumi/pulumi/runtime/debuggable");
      const all = [Promise.resolve(1), Promise.resolve(2), Promise.reject(new Error("three")), new Promise(() => {})];
      const watched = all.map((promise) => debuggablePromise(promise, "a test"));
      const result = Promise.allSettled(watched.slice(0, 3)).then((settled) => [
        settled.map(({ value, reason }) => value ?? reason.message),
        [...leakedPromises()[0]].map((promise) => all.indexOf(promise)),
      ])`;
    const expected = [[1, 2, "three"], [3]];
    assert.deepEqual(await run(script), expected);
    assert.deepEqual(await run(script, {}, false), expected);
  });

  it("looks up no places of resources in the program", async () => {
    const script = 'const { Resource } = require("@pulumi/pulumi"); const result = Resource.callsites().length > 0';
    assert.equal(await run(script), false);
    assert.equal(await run(script, {}, false), true);
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
