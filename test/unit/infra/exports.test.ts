import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { relative } from "node:path";
import { PROJECT } from "../../../tools/lint/imports.ts";

/** Another project sees the package by its exports, and by nothing else. */
describe("the package's exports", function () {
  this.timeout(30_000);
  const { resolve } = createRequire(`${PROJECT}package.json`);

  it("lead to the components", async () => {
    for (const [name, file, component] of [
      ["cloister/aws", "infra/aws/index.ts", "NamedMachine"],
      ["cloister/local", "infra/local/index.ts", "LocalMachine"],
    ] as const) {
      assert.equal(relative(PROJECT, resolve(name)), file);
      const found = (await import(resolve(name))) as Record<string, unknown>;
      assert.equal(typeof found[component], "function", component);
    }
  });

  it("have all that a complete program on AWS needs", async () => {
    const found = Object.keys((await import(resolve("cloister/aws"))) as object);
    const needed = "Encryption Logs MachineRole NamedMachine Network Pool RuntimeBucket RuntimeImage".split(" ");
    assert.deepEqual(
      needed.filter((name) => !found.includes(name)),
      [],
    );
  });

  it("hide everything else", () => {
    for (const path of ["cloister/infra/aws/machines/pool.ts", "cloister/guest/run/run.ts", "cloister"])
      assert.throws(() => resolve(path), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" }, path);
  });
});
