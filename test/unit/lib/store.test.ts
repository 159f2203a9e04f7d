import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { homeFolder } from "../../../lib/home.cjs";
import { cacheRoot, Store } from "../../../lib/store.ts";

describe("the store", () => {
  let root: string;
  let store: Store;
  let builds: number;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-store-"));
    store = new Store(root);
    builds = 0;
  });
  afterEach(() => rm(root, { recursive: true }));

  const build = async (dir: string): Promise<void> => {
    builds += 1;
    await writeFile(join(dir, "data"), "content");
  };

  it("makes an entry once and finds it afterwards", async () => {
    assert.equal((await store.entry("kind", "abc", build)).hit, false);
    const found = await store.entry("kind", "abc", build);
    assert.equal(found.hit, true);
    assert.equal(await readFile(join(found.path, "data"), "utf8"), "content");
    assert.equal(builds, 1);
  });

  for (const [what, damage] of [
    ["changed", (path: string) => writeFile(join(path, "data"), "CONTENT")],
    ["missing", (path: string) => rm(join(path, "data"))],
    ["added", (path: string) => writeFile(join(path, "more"), "x")],
  ] as const) {
    it(`makes an entry again when a file was ${what}`, async () => {
      const { path } = await store.entry("kind", "abc", build);
      await damage(path);
      const lines: string[] = [];
      const again = await store.entry("kind", "abc", build, { report: (line) => lines.push(line) });
      assert.equal(again.hit, false);
      assert.equal(await readFile(join(again.path, "data"), "utf8"), "content");
      assert.match(lines.join("\n"), /is damaged/);
      assert.equal(await store.check("kind", "abc"), "intact");
    });
  }

  it("keeps nothing of a build that failed", async () => {
    await assert.rejects(
      store.entry("kind", "abc", async (dir) => {
        await build(dir);
        throw new Error("no luck");
      }),
      /no luck/,
    );
    assert.equal(await store.check("kind", "abc"), "absent");
    assert.deepEqual(
      (await readdir(join(root, "kind"))).filter((name) => name.startsWith(".build")),
      [],
    );
    assert.equal((await store.entry("kind", "abc", build)).hit, false);
  });

  it("lets one of several runs build while the others wait", async () => {
    const slow = async (dir: string): Promise<void> => {
      await build(dir);
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const all = await Promise.all([1, 2, 3].map(() => new Store(root).entry("kind", "abc", slow)));
    assert.equal(builds, 1);
    assert.equal(all.filter(({ hit }) => !hit).length, 1);
  });

  it("recovers from a process that was killed while it built", async function () {
    this.timeout(60_000);
    const url = fileURLToPath(new URL("../../../lib/store.ts", import.meta.url));
    const script = `
      import { writeFileSync } from "node:fs";
      import { Store } from ${JSON.stringify(url)};
      await new Store(${JSON.stringify(root)}).entry("kind", "abc", async (dir) => {
        writeFileSync(dir + "/data", "half");
        process.stdout.write("building\\n");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const { path } = await store.entry("kind", "abc", build);
    assert.equal(await readFile(join(path, "data"), "utf8"), "content");
    assert.deepEqual(
      (await readdir(join(root, "kind"))).filter((name) => name.startsWith(".build")),
      [],
    );
  });

  it("lives in the user's cache directory", () => {
    assert.equal(cacheRoot({ CLOISTER_CACHE_DIR: "/somewhere" }), "/somewhere");
    if (process.platform === "linux") assert.equal(cacheRoot({ XDG_CACHE_HOME: "/xdg" }), "/xdg/cloister");
  });

  it("is one folder for all processes of a start, wherever each of them works", () => {
    assert.equal(cacheRoot({ CLOISTER_CACHE_DIR: "cache" }), join(import.meta.dirname, "../../../cache"));
    if (process.platform !== "linux") return;
    // XDG Base Directory Specification: a relative path counts as none.
    assert.equal(cacheRoot({ XDG_CACHE_HOME: "relative" }), join(homeFolder(), ".cache/cloister"));
    assert.equal(cacheRoot({ XDG_CACHE_HOME: "" }), join(homeFolder(), ".cache/cloister"));
  });
});
