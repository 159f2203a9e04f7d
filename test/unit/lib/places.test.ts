import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "../../..");

/** A URL's path has `%20` for a space, and is cut at a `#`: in a clone with such a name it is no file's path. */
const ENCODED = /import\.meta\.url\)\.(pathname|href\.replace)/;

describe("a file of the project", () => {
  it("is found by a path, and not by the path of its URL, wherever the clone is", () => {
    assert.match('new URL("x", import.meta.url).pathname', ENCODED, "the control");
    const wrong = ["cli", "guest", "images", "infra", "lib", "preview", "policy", "rehearsal", "toolchain", "tools"]
      .flatMap((folder) =>
        readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
      )
      .filter((file) => /\.(ts|mjs|cjs)$/.test(file) && !file.includes("node_modules"))
      .filter((file) => ENCODED.test(readFileSync(join(REPOSITORY, file), "utf8")));
    assert.deepEqual(wrong, []);
  });
});
