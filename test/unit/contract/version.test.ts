import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { VERSION } from "../../../contract/version.ts";

const ROOT = join(import.meta.dirname, "../../..");
const versionIn = (file: string): string => JSON.parse(readFileSync(join(ROOT, file), "utf8")).version;

describe("the program's version", () => {
  it("has one place, package.json; files that npm and the engine read say the same", () => {
    assert.match(VERSION, /^\d+\.\d+\.\d+/);
    assert.equal(VERSION, versionIn("package.json"));
    for (const file of ["package-lock.json", "infra/provider/bin/package.json"])
      assert.equal(versionIn(file), VERSION, file);
  });

  it("stands in no other source", async () => {
    const quoted = `["']${VERSION.replaceAll(".", "\\.")}["']`;
    const grep = async (...folders: string[]) =>
      (await execa("git", ["grep", "-lE", quoted, "--", ...folders], { cwd: ROOT, reject: false })).stdout;
    assert.equal(await grep("*.ts", "*.cjs", "*.mjs", "*.sh", ":!test"), "");
    assert.equal(await grep("package.json"), "package.json", "the control");
  });

  it("is told by the operator's command", async function () {
    this.timeout(60_000);
    const { stdout } = await execa("node", ["--import", "tsx", "cli/main.ts", "--version"], { cwd: ROOT });
    assert.equal(stdout, VERSION);
  });
});
