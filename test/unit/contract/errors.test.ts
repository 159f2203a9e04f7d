import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, ERROR_CODES, withCode } from "../../../contract/errors.ts";
import { egressGroupsMarkdown, errorsMarkdown } from "../../../tools/docs/reference.ts";

const PROJECT = join(import.meta.dirname, "../../..");

describe("the codes of failures", () => {
  it("are documented, and the documents are up to date (npm run docs renews them)", () => {
    assert.equal(readFileSync(join(PROJECT, "docs/errors.md"), "utf8"), errorsMarkdown());
    assert.equal(readFileSync(join(PROJECT, "docs/egress-groups.md"), "utf8"), egressGroupsMarkdown());
  });

  it("are each used, and none is used that is not registered", () => {
    const files = execFileSync(
      "git",
      ["grep", "--untracked", "-hoE", "CLOISTER_E_[A-Z_]+", "--", "cli", "guest", "contract"],
      {
        cwd: PROJECT,
        encoding: "utf8",
      },
    );
    const uses = new Map<string, number>();
    for (const code of files.split("\n").filter((one) => one !== "" && !one.endsWith("_"))) {
      uses.set(code, (uses.get(code) ?? 0) + 1);
    }
    // The table itself is one of them.
    for (const code of ERROR_CODES) assert.ok((uses.get(code) ?? 0) > 1, `${code} is used nowhere`);
    assert.deepEqual(
      [...uses.keys()].filter((code) => !(ERROR_CODES as readonly string[]).includes(code)),
      [],
    );
  });

  it("stand at the end of a message's first line", () => {
    assert.equal(withCode("it failed.\n  because", "CLOISTER_E_FAILED"), "it failed. [CLOISTER_E_FAILED]\n  because");
  });

  it("are told of what was thrown; anything else is a mistake of ours", () => {
    assert.equal(codeOf(Object.assign(new Error("x"), { code: "CLOISTER_E_NAME" })), "CLOISTER_E_NAME");
    for (const other of [Object.assign(new Error("x"), { code: "ENOENT" }), new Error("x"), undefined, "x"]) {
      assert.equal(codeOf(other), "CLOISTER_E_INTERNAL");
    }
  });
});
