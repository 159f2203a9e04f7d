import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const UNITS = join(import.meta.dirname, "../../../guest/units");

describe("units of services that may write to /run/cloister", () => {
  it("cannot write where root's programs take compiled code from", async () => {
    const found: string[] = [];
    for (const name of await readdir(UNITS)) {
      const text = await readFile(join(UNITS, name), "utf8");
      assert.doesNotMatch(text, /NODE_COMPILE_CACHE/, name);
      if (!/^ReadWritePaths=.*\/run\/cloister(?: |$)/m.test(text)) continue;
      found.push(name);
      assert.match(text, /^ReadOnlyPaths=-\/run\/cloister\/code$/m, name);
    }
    assert.deepEqual(found.sort(), ["cloister-aws.service", "cloister-keeper.service", "cloister-logs.service"]);
  });
});
