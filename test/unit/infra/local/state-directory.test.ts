import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathsIn } from "../../../../infra/local/paths.ts";
import { stateDirectory } from "../../../../infra/local/steps/state-directory.ts";

describe("the folder of a machine's files", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-state-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const make = async (root: string) => await stateDirectory.create({ root }, pathsIn(root));
  const modeOf = (path: string): number => statSync(path).mode & 0o777;

  it("is this user's alone: a new one, and one that others could look into before", async () => {
    const made = join(folder, "a", "b");
    await make(made);
    assert.equal(modeOf(made), 0o700);
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    await make(open);
    assert.equal(modeOf(open), 0o700);
    symlinkSync(open, join(folder, "link"));
    chmodSync(open, 0o755);
    await make(join(folder, "link"));
    assert.equal(modeOf(open), 0o700, "a link to a folder elsewhere is one");
  });

  it("is not another user's", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const theirs = join(folder, "theirs");
    mkdirSync(theirs);
    chmodSync(folder, 0o755);
    chownSync(theirs, 12_345, 12_345);
    const seteuid = process.seteuid as (id: number) => void;
    // Root may use anybody's: it can do nothing about their rights.
    await make(theirs);
    const { getuid } = process;
    process.getuid = () => 54_321;
    seteuid(54_321);
    try {
      await assert.rejects(make(theirs), /belongs to another user/);
    } finally {
      seteuid(0);
      if (getuid) process.getuid = getuid;
    }
  });
});
